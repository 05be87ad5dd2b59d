"""Payments as Stripe's events describe them, event by event.

Hypothesis chooses what happens in each history. A history's ids contain its number: payment 2 has
the session `cs_test_2`, and its first bill `in_2_0`, paid by `pi_2_0` and `ch_2_0`; `in_2_1` is the
bill of its first renewal.
"""

from dataclasses import dataclass, field
from typing import Final

from hypothesis import strategies as st

from tests.support.builders import CHECKOUT_ID, NOW_S, Document, event, session
from tests.support.readings import COMPLETED, EXPIRED, FAILED, SUCCEEDED
from tests.support.stripe_objects import (
    charge,
    dispute,
    fraud_warning,
    invoice,
    invoice_payment,
    listing,
    old_invoice,
    payment_intent,
    refund,
    review,
    subscription,
)

_OLD_API: Final = "2022-08-01"
_NEW_API: Final = "2025-09-30.clover"
_SUBSCRIPTION_ENDS: Final = (
    ("trial_will_end", "trialing"),
    ("paused", "paused"),
    ("resumed", "active"),
    ("deleted", "canceled"),
)
_DISPUTE_ENDS: Final = {
    "needs_response": ("won", "lost"),
    "warning_needs_response": ("warning_closed", "prevented", "lost"),
}


@dataclass(slots=True)
class History:
    """One payment's events. Each has the second of the previous one, or the next."""

    draw: st.DrawFn
    number: int
    at_s: int = NOW_S
    is_old: bool = False
    documents: list[Document] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.is_old = self.turns()

    def turns(self) -> bool:
        return self.draw(st.booleans())

    def amount(self, largest: int = 5000) -> int:
        return self.draw(st.integers(1, largest))

    def tell(self, type_: str, subject: Document, *, previous: Document | None = None) -> None:
        """Add an event; all events of an endpoint have its API version."""
        self.at_s += self.draw(st.integers(0, 1))
        self.documents.append(
            event(
                type_,
                id=f"evt_{self.number}_{len(self.documents)}",
                api_version=_OLD_API if self.is_old else _NEW_API,
                created=self.at_s,
                data={"object": subject, "previous_attributes": previous},
            )
        )

    def session(self, **changes: object) -> Document:
        checkout_id = f"{CHECKOUT_ID[:-1]}{self.number}"
        return session(
            id=f"cs_test_{self.number}",
            success_url=f"https://shop.example/?checkout_id={checkout_id}",
            **changes,
        )


@dataclass(frozen=True, slots=True)
class _Bill:
    """One payment of a history: the first is 0, then its renewals."""

    history: History
    position: int
    amount: int

    @property
    def suffix(self) -> str:
        return f"{self.history.number}_{self.position}"

    @property
    def ids(self) -> Document:
        return {"charge": f"ch_{self.suffix}", "payment_intent": f"pi_{self.suffix}"}

    def link(self, **invoice: str) -> Document:
        """Return the invoice's id if intents and charges of this API version still have it."""
        return invoice if self.history.is_old else {}

    def charge(self, **changes: object) -> Document:
        intent: object = self.ids["payment_intent"]
        if self.history.turns():
            intent = payment_intent(id=intent, amount=self.amount)  # sometimes expanded
        return charge(id=self.ids["charge"], amount=self.amount, payment_intent=intent, **changes)

    def intent(self) -> Document:
        return payment_intent(
            id=self.ids["payment_intent"], amount=self.amount, latest_charge=self.ids["charge"]
        )


def pay_once(history: History) -> None:
    """A one-time payment: immediate, by bank, refused, expired, or free."""
    bill = _Bill(history, 0, history.amount())
    fields = {"amount_total": bill.amount, "payment_intent": bill.ids["payment_intent"]}
    if history.turns():
        history.tell("payment_intent.payment_failed", bill.intent())
    match history.draw(st.sampled_from(["immediate", "bank", "refused", "expired", "free"])):
        case "immediate":
            _charge(bill)
            history.tell(COMPLETED, history.session(**fields))
            _undo(bill)
        case "bank":
            history.tell(COMPLETED, history.session(payment_status="unpaid", **fields))
            _charge(bill)
            history.tell(SUCCEEDED, history.session(**fields))
            _undo(bill)
        case "refused":
            history.tell(COMPLETED, history.session(payment_status="unpaid", **fields))
            history.tell("payment_intent.payment_failed", bill.intent())
            history.tell(FAILED, history.session(payment_status="unpaid", **fields))
        case "expired":
            history.tell("payment_intent.canceled", bill.intent())
            history.tell(EXPIRED, history.session(payment_status="unpaid", **fields))
        case _:
            nothing = {"amount_total": 0, "payment_intent": None}
            history.tell(
                COMPLETED, history.session(payment_status="no_payment_required", **nothing)
            )


def subscribe(history: History) -> None:
    """A subscription, perhaps with a trial, its renewals and its end."""
    is_trial = history.turns()
    first = _Bill(history, 0, 0 if is_trial else history.amount())
    status = "trialing" if is_trial else "incomplete"
    history.tell("customer.subscription.created", _subscription(history, status))
    _pay(first, reason="subscription_create")
    if not is_trial:
        before = {"status": status}
        history.tell(
            "customer.subscription.updated", _subscription(history, "active"), previous=before
        )
    history.tell(
        COMPLETED,
        history.session(
            mode="subscription",
            payment_status="no_payment_required" if is_trial else "paid",
            amount_total=first.amount,
            payment_intent=None,
            subscription=f"sub_{history.number}",
            invoice=f"in_{first.suffix}",
        ),
    )
    _undo(first)
    for position in range(1, history.draw(st.integers(1, 3))):
        _renew(_Bill(history, position, history.amount()))
    for end, status in _SUBSCRIPTION_ENDS[: history.draw(st.integers(0, len(_SUBSCRIPTION_ENDS)))]:
        history.tell(f"customer.subscription.{end}", _subscription(history, status))


def _renew(bill: _Bill) -> None:
    """A renewal that is paid, perhaps at the second attempt, or not at all."""
    history, due = bill.history, _invoice(bill, "subscription_cycle", paid=False)
    if history.turns():
        history.tell("charge.failed", bill.charge())
        history.tell("invoice.payment_action_required", due)
        history.tell("invoice.payment_failed", due)
        history.tell("customer.subscription.updated", _subscription(history, "past_due"))
        if history.turns():
            given_up = history.draw(st.sampled_from(["voided", "marked_uncollectible"]))
            history.tell(f"invoice.{given_up}", due)
            return
    _pay(bill, reason="subscription_cycle")
    history.tell("customer.subscription.updated", _subscription(history, "active"))
    _undo(bill)


def _pay(bill: _Bill, *, reason: str) -> None:
    """An invoice is paid, which causes two events, since 2025-03-31 three."""
    if bill.amount:
        _charge(bill, **bill.link(invoice=f"in_{bill.suffix}"))
    bill.history.tell("invoice.paid", _invoice(bill, reason))
    bill.history.tell("invoice.payment_succeeded", _invoice(bill, reason))
    if bill.amount and not bill.history.is_old:
        paid_by = {"type": "payment_intent", "payment_intent": bill.ids["payment_intent"]}
        payment = invoice_payment(
            id=f"inpay_{bill.suffix}", invoice=f"in_{bill.suffix}", payment=paid_by
        )
        bill.history.tell("invoice_payment.paid", payment)


def _charge(bill: _Bill, **link: object) -> None:
    bill.history.tell("charge.succeeded", bill.charge(**link))
    bill.history.tell("payment_intent.succeeded", bill.intent() | link)


def _undo(bill: _Bill) -> None:
    """What may happen to a payment later."""
    if not bill.amount:
        return
    history = bill.history
    if history.turns():
        warning = fraud_warning(id=f"issfr_{bill.suffix}", charge=bill.ids["charge"])
        history.tell("radar.early_fraud_warning.created", warning)
    if history.turns():
        held = review(id=f"prv_{bill.suffix}", **bill.ids)
        history.tell("review.opened", held)
        history.tell("review.closed", held)
    _refund(bill)
    if history.turns():
        _dispute(bill)


def _refund(bill: _Bill) -> None:
    """Some refunds, never of more than is left; a failed one frees its amount."""
    history, gone_back, refunds = bill.history, 0, list[Document]()
    for position in range(history.draw(st.integers(0, 3))):
        if gone_back == bill.amount:
            return
        amount = history.amount(bill.amount - gone_back)
        made = refund(id=f"re_{bill.suffix}_{position}", amount=amount, **bill.ids)
        gone_back += amount
        refunds.append(made)
        history.tell("refund.created", made | {"status": "pending"})
        history.tell("charge.refunded", _refunded(bill, gone_back, refunds))
        history.tell("charge.refund.updated" if history.is_old else "refund.updated", made)
        if history.turns():
            gone_back -= amount
            refunds[-1] = made | {"status": "failed"}
            # The object of `refund.failed` may still have the status `succeeded`.
            history.tell("refund.failed", history.draw(st.sampled_from([made, refunds[-1]])))
            history.tell("charge.updated", _refunded(bill, gone_back, refunds))


def _refunded(bill: _Bill, gone_back: int, refunds: list[Document]) -> Document:
    held = {"refunds": listing(*refunds)} if bill.history.is_old else {}
    return bill.charge(amount_refunded=gone_back, **held)


def _dispute(bill: _Bill) -> None:
    history = bill.history
    begin = history.draw(st.sampled_from(sorted(_DISPUTE_ENDS)))
    fought = dispute(id=f"dp_{bill.suffix}", amount=bill.amount, status=begin, **bill.ids)
    history.tell("charge.dispute.created", fought)
    history.tell("charge.dispute.updated", fought)
    if begin == "needs_response":
        history.tell("charge.dispute.funds_withdrawn", fought)
    if history.turns():
        end = history.draw(st.sampled_from(_DISPUTE_ENDS[begin]))
        history.tell("charge.dispute.closed", fought | {"status": end})
        if end == "won":
            history.tell("charge.dispute.funds_reinstated", fought | {"status": end})


def _subscription(history: History, status: str) -> Document:
    end = NOW_S + 2_592_000
    period: Document = {"items": listing({"id": "si_1", "current_period_end": end})}
    if history.is_old:
        period = {"items": listing({"id": "si_1"}), "current_period_end": end}
    return subscription(
        id=f"sub_{history.number}", status=status, latest_invoice=f"in_{history.number}_0", **period
    )


def _invoice(bill: _Bill, reason: str, *, paid: bool = True) -> Document:
    fields: Document = {
        "id": f"in_{bill.suffix}",
        "billing_reason": reason,
        "amount_paid": bill.amount if paid else 0,
    }
    subscription_id, ids = f"sub_{bill.history.number}", bill.ids if bill.amount else {}
    if bill.history.is_old:
        nobody = {"charge": None, "payment_intent": None}
        return old_invoice(subscription=subscription_id, **(fields | nobody | ids))
    payments = [{"payment": {"payment_intent": ids["payment_intent"]}}] if ids else []
    return invoice(
        parent={"subscription_details": {"subscription": subscription_id}},
        payments=listing(*payments),
        **fields,
    )
