"""Payments as Stripe tells them, event by event.

What Hypothesis draws decides each story's turns. A story's ids hold its number: payment 2 has the
session `cs_test_2`, and its first bill `in_2_0`, which `pi_2_0` and `ch_2_0` pay; `in_2_1` is the
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
class Story:
    """One payment's events. Each is made in the second of the one before it, or in the next."""

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
        """Stripe makes an event; an endpoint's API version is that of all of its events."""
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
    """One payment of a story: the first is 0, its renewals follow."""

    story: Story
    position: int
    amount: int

    @property
    def suffix(self) -> str:
        return f"{self.story.number}_{self.position}"

    @property
    def ids(self) -> Document:
        return {"charge": f"ch_{self.suffix}", "payment_intent": f"pi_{self.suffix}"}

    def link(self, **invoice: str) -> Document:
        """The invoice, where an intent or charge of this API still names it."""
        return invoice if self.story.is_old else {}

    def charge(self, **changes: object) -> Document:
        intent: object = self.ids["payment_intent"]
        if self.story.turns():
            intent = payment_intent(id=intent)  # an endpoint may have it expanded
        return charge(id=self.ids["charge"], amount=self.amount, payment_intent=intent, **changes)

    def intent(self) -> Document:
        return payment_intent(
            id=self.ids["payment_intent"], amount=self.amount, latest_charge=self.ids["charge"]
        )


def pay_once(story: Story) -> None:
    """A payment that is made once: at once, by a bank, not at all, or for nothing."""
    bill = _Bill(story, 0, story.amount())
    fields = {"amount_total": bill.amount, "payment_intent": bill.ids["payment_intent"]}
    if story.turns():
        story.tell("payment_intent.payment_failed", bill.intent())
    match story.draw(st.sampled_from(["at once", "by bank", "refused", "expired", "for nothing"])):
        case "at once":
            _charge(bill)
            story.tell(COMPLETED, story.session(**fields))
            _undo(bill)
        case "by bank":
            story.tell(COMPLETED, story.session(payment_status="unpaid", **fields))
            _charge(bill)
            story.tell(SUCCEEDED, story.session(**fields))
            _undo(bill)
        case "refused":
            story.tell(COMPLETED, story.session(payment_status="unpaid", **fields))
            story.tell("payment_intent.payment_failed", bill.intent())
            story.tell(FAILED, story.session(payment_status="unpaid", **fields))
        case "expired":
            story.tell("payment_intent.canceled", bill.intent())
            story.tell(EXPIRED, story.session(payment_status="unpaid", **fields))
        case _:
            nothing = {"amount_total": 0, "payment_intent": None}
            story.tell(COMPLETED, story.session(payment_status="no_payment_required", **nothing))


def subscribe(story: Story) -> None:
    """A subscription, perhaps after a trial, with its renewals and its end."""
    is_trial = story.turns()
    first = _Bill(story, 0, 0 if is_trial else story.amount())
    status = "trialing" if is_trial else "incomplete"
    story.tell("customer.subscription.created", _subscription(story, status))
    _pay(first, reason="subscription_create")
    if not is_trial:
        before = {"status": status}
        story.tell("customer.subscription.updated", _subscription(story, "active"), previous=before)
    story.tell(
        COMPLETED,
        story.session(
            mode="subscription",
            payment_status="no_payment_required" if is_trial else "paid",
            amount_total=first.amount,
            payment_intent=None,
            subscription=f"sub_{story.number}",
            invoice=f"in_{first.suffix}",
        ),
    )
    _undo(first)
    for position in range(1, story.draw(st.integers(1, 3))):
        _renew(_Bill(story, position, story.amount()))
    for end, status in _SUBSCRIPTION_ENDS[: story.draw(st.integers(0, len(_SUBSCRIPTION_ENDS)))]:
        story.tell(f"customer.subscription.{end}", _subscription(story, status))


def _renew(bill: _Bill) -> None:
    """A renewal that is paid, perhaps at the second attempt, or given up."""
    story, due = bill.story, _invoice(bill, "subscription_cycle", paid=False)
    if story.turns():
        story.tell("charge.failed", bill.charge())
        story.tell("invoice.payment_action_required", due)
        story.tell("invoice.payment_failed", due)
        story.tell("customer.subscription.updated", _subscription(story, "past_due"))
        if story.turns():
            given_up = story.draw(st.sampled_from(["voided", "marked_uncollectible"]))
            story.tell(f"invoice.{given_up}", due)
            return
    _pay(bill, reason="subscription_cycle")
    story.tell("customer.subscription.updated", _subscription(story, "active"))
    _undo(bill)


def _pay(bill: _Bill, *, reason: str) -> None:
    """An invoice is paid, of which two events tell, and since 2025-03-31 a third."""
    if bill.amount:
        _charge(bill, **bill.link(invoice=f"in_{bill.suffix}"))
    bill.story.tell("invoice.paid", _invoice(bill, reason))
    bill.story.tell("invoice.payment_succeeded", _invoice(bill, reason))
    if bill.amount and not bill.story.is_old:
        paid_by = {"type": "payment_intent", "payment_intent": bill.ids["payment_intent"]}
        payment = invoice_payment(
            id=f"inpay_{bill.suffix}", invoice=f"in_{bill.suffix}", payment=paid_by
        )
        bill.story.tell("invoice_payment.paid", payment)


def _charge(bill: _Bill, **link: object) -> None:
    bill.story.tell("charge.succeeded", bill.charge(**link))
    bill.story.tell("payment_intent.succeeded", bill.intent() | link)


def _undo(bill: _Bill) -> None:
    """What may happen to money that has come."""
    if not bill.amount:
        return
    story = bill.story
    if story.turns():
        warning = fraud_warning(id=f"issfr_{bill.suffix}", charge=bill.ids["charge"])
        story.tell("radar.early_fraud_warning.created", warning)
    if story.turns():
        held = review(id=f"prv_{bill.suffix}", **bill.ids)
        story.tell("review.opened", held)
        story.tell("review.closed", held)
    _refund(bill)
    if story.turns():
        _dispute(bill)


def _refund(bill: _Bill) -> None:
    """Some refunds, never of more than is left; one that fails gives its sum back."""
    story, gone_back, refunds = bill.story, 0, list[Document]()
    for position in range(story.draw(st.integers(0, 3))):
        if gone_back == bill.amount:
            return
        amount = story.amount(bill.amount - gone_back)
        made = refund(id=f"re_{bill.suffix}_{position}", amount=amount, **bill.ids)
        gone_back += amount
        refunds.append(made)
        story.tell("refund.created", made | {"status": "pending"})
        story.tell("charge.refunded", _refunded(bill, gone_back, refunds))
        story.tell("charge.refund.updated" if story.is_old else "refund.updated", made)
        if story.turns():
            gone_back -= amount
            refunds[-1] = made | {"status": "failed"}
            # The object of `refund.failed` may still say that it succeeded.
            story.tell("refund.failed", story.draw(st.sampled_from([made, refunds[-1]])))
            story.tell("charge.updated", _refunded(bill, gone_back, refunds))


def _refunded(bill: _Bill, gone_back: int, refunds: list[Document]) -> Document:
    held = {"refunds": listing(*refunds)} if bill.story.is_old else {}
    return bill.charge(amount_refunded=gone_back, **held)


def _dispute(bill: _Bill) -> None:
    story = bill.story
    begin = story.draw(st.sampled_from(sorted(_DISPUTE_ENDS)))
    fought = dispute(id=f"dp_{bill.suffix}", amount=bill.amount, status=begin, **bill.ids)
    story.tell("charge.dispute.created", fought)
    story.tell("charge.dispute.updated", fought)
    if begin == "needs_response":
        story.tell("charge.dispute.funds_withdrawn", fought)
    if story.turns():
        end = story.draw(st.sampled_from(_DISPUTE_ENDS[begin]))
        story.tell("charge.dispute.closed", fought | {"status": end})
        if end == "won":
            story.tell("charge.dispute.funds_reinstated", fought | {"status": end})


def _subscription(story: Story, status: str) -> Document:
    end = NOW_S + 2_592_000
    period: Document = {"items": listing({"id": "si_1", "current_period_end": end})}
    if story.is_old:
        period = {"items": listing({"id": "si_1"}), "current_period_end": end}
    return subscription(
        id=f"sub_{story.number}", status=status, latest_invoice=f"in_{story.number}_0", **period
    )


def _invoice(bill: _Bill, reason: str, *, paid: bool = True) -> Document:
    fields: Document = {
        "id": f"in_{bill.suffix}",
        "billing_reason": reason,
        "amount_paid": bill.amount if paid else 0,
    }
    subscription_id, ids = f"sub_{bill.story.number}", bill.ids if bill.amount else {}
    if bill.story.is_old:
        nobody = {"charge": None, "payment_intent": None}
        return old_invoice(subscription=subscription_id, **(fields | nobody | ids))
    payments = [{"payment": {"payment_intent": ids["payment_intent"]}}] if ids else []
    return invoice(
        parent={"subscription_details": {"subscription": subscription_id}},
        payments=listing(*payments),
        **fields,
    )
