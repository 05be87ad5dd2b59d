"""Payments built from real bodies of Stripe, with matching ids and other outcomes.

The bodies are in tests/stripe_events. There is no `checkout.session.expired`, `async_payment_*` or
failed invoice; those are built from the most similar bodies.
"""

import copy
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from tests.support.builders import CHECKOUT_ID, NOW_S, Document
from tests.support.real_events import real_events
from tests.support.stripe_objects import listing

_COMPLETED: Final = "checkout.session.completed"
_PROOFS: Final = {"paid", "no_payment_required"}


@cache
def bodies() -> Mapping[str, Document]:
    """Return Stripe's real bodies, by type."""
    return {path.stem: json.loads(path.read_text()) for path in real_events()}


def originals(tag: str) -> list[Document]:
    """Return all of them unchanged, except for a unique event id, because some share one."""
    return [body | {"id": f"evt_{tag}_{number}"} for number, body in enumerate(bodies().values())]


def proves_payment(document: Document) -> bool:
    """Return whether this event proves its session's payment."""
    if document["type"] == "checkout.session.async_payment_succeeded":
        return True
    subject = document["data"]["object"]
    return document["type"] == _COMPLETED and subject["payment_status"] in _PROOFS


def payment(
    chance: random.Random, tag: str, *, session_id: str = "", checkout_id: str = CHECKOUT_ID
) -> list[Document]:
    """Return all events of one payment, in the order of their creation."""
    teller = _Teller(chance, tag, session_id or f"cs_test_{tag}", checkout_id)
    chance.choice(_TURNS)(teller)
    return teller.documents


@dataclass(slots=True)
class _Teller:
    """Generates one payment; every id except the session's contains `tag`."""

    chance: random.Random
    tag: str
    session_id: str
    checkout_id: str
    at_s: int = NOW_S
    documents: list[Document] = field(default_factory=list)

    def turns(self) -> bool:
        return self.chance.random() < 0.5

    def tell(self, type_: str, like: str, **fields: object) -> None:
        """Return an event with the object of type `like`, changed by `fields`."""
        body = copy.deepcopy(bodies()[like])
        self.at_s += self.chance.randint(0, 1)
        number = len(self.documents)
        head = {"id": f"evt_{self.tag}_{number}", "type": type_, "created": self.at_s}
        body["data"]["object"] |= fields
        self.documents.append(body | head | {"livemode": False})

    def tell_session(self, type_: str, payment_status: str, **fields: object) -> None:
        url = f"https://shop.example/?session_id={self.session_id}&checkout_id={self.checkout_id}"
        known: Document = {"mode": "payment", "invoice": None, "subscription": None}
        known |= {"id": self.session_id, "payment_status": payment_status, "success_url": url}
        self.tell(type_, _COMPLETED, **(known | fields))

    def linked(self, object_id: str) -> object:
        """Return an id, or sometimes the expanded object."""
        return {"id": object_id, "metadata": {}} if self.turns() else object_id


@dataclass(frozen=True, slots=True)
class _Bill:
    """One payment: a charge, its intent, and perhaps its invoice."""

    teller: _Teller
    number: int
    amount: int
    invoice: str | None = None

    @property
    def suffix(self) -> str:
        return f"{self.teller.tag}_{self.number}"

    @property
    def intent_id(self) -> str:
        return f"pi_{self.suffix}"

    @property
    def charge_id(self) -> str:
        return f"ch_{self.suffix}"

    def tell_intent(self, state: str) -> None:
        fields = {"id": self.intent_id, "amount": self.amount, "invoice": self.invoice}
        charge = self.teller.linked(self.charge_id)
        self.teller.tell(f"payment_intent.{state}", f"payment_intent.{state}", **fields,
                         latest_charge=charge)  # fmt: skip

    def tell_charge(
        self, state: str, *, refunded: int = 0, refunds: Document | None = None
    ) -> None:
        self.teller.tell(
            f"charge.{state}",
            f"charge.{state}",
            id=self.charge_id,
            amount=self.amount,
            amount_refunded=refunded,
            invoice=self.invoice,
            payment_intent=self.teller.linked(self.intent_id),
            refunds=refunds,
        )

    def tell_all(self, kind: str, *turns: str, **fields: object) -> None:
        """Return several events of an object with this charge and its intent."""
        links: Document = {"charge": self.charge_id, "payment_intent": self.intent_id}
        if self.teller.turns():
            links["charge"] = self.teller.linked(self.charge_id)
            links["payment_intent"] = self.teller.linked(self.intent_id)
        for turn in turns:
            self.teller.tell(f"{kind}.{turn}", f"{kind}.{turn}", **(links | fields))


def _at_once(teller: _Teller) -> None:
    bill = _Bill(teller, 0, teller.chance.randint(100, 9_999))
    bill.tell_intent("created")
    if teller.turns():
        bill.tell_intent("payment_failed")
    _take(bill)
    teller.tell_session(
        _COMPLETED, "paid", amount_total=bill.amount, payment_intent=teller.linked(bill.intent_id)
    )
    _undo(bill)


def _by_bank(teller: _Teller) -> None:
    bill = _Bill(teller, 0, teller.chance.randint(100, 9_999))
    fields: Document = {"amount_total": bill.amount, "payment_intent": bill.intent_id}
    teller.tell_session(_COMPLETED, "unpaid", **fields)
    bill.tell_intent("processing")
    bill.tell_charge("pending")
    if teller.turns():
        _take(bill)
        teller.tell_session("checkout.session.async_payment_succeeded", "paid", **fields)
        _undo(bill)
    else:
        bill.tell_charge("failed")
        bill.tell_intent("payment_failed")
        teller.tell_session("checkout.session.async_payment_failed", "unpaid", **fields)


def _expired(teller: _Teller) -> None:
    teller.tell_session("checkout.session.expired", "unpaid", payment_intent=None)


def _for_nothing(teller: _Teller) -> None:
    nothing: Document = {"amount_total": 0, "payment_intent": None}
    teller.tell_session(_COMPLETED, "no_payment_required", **nothing)


def _contradicted(teller: _Teller) -> None:
    """Stripe should never send this; if it does, the order must not matter."""
    _at_once(teller)
    teller.tell_session("checkout.session.async_payment_failed", "unpaid", payment_intent=None)


def _subscribed(teller: _Teller) -> None:
    subscription_id, is_old = f"sub_{teller.tag}", teller.turns()
    first_invoice = f"in_{teller.tag}_0"
    known: Document = {"id": subscription_id, "latest_invoice": teller.linked(first_invoice)}
    teller.tell("customer.subscription.created", "customer.subscription.created",
                **known, status="incomplete")  # fmt: skip
    first = _pay_invoice(teller, 0, is_old=is_old, reason="subscription_create")
    teller.tell_session(
        _COMPLETED,
        "paid",
        mode="subscription",
        amount_total=first.amount,
        payment_intent=None,
        subscription=teller.linked(subscription_id),
        invoice=teller.linked(first_invoice),
    )
    updated = "customer.subscription.updated"
    teller.tell(updated, updated, **known, status="active")
    for number in range(1, teller.chance.randint(1, 3)):
        if teller.turns():
            _tell_invoice(teller, _Bill(teller, number, 0), "payment_failed", is_old=is_old,
                          reason="subscription_cycle")  # fmt: skip
            teller.tell(updated, updated, **known, status="past_due")
        _undo(_pay_invoice(teller, number, is_old=is_old, reason="subscription_cycle"))
    if teller.turns():
        teller.tell("customer.subscription.deleted", "customer.subscription.deleted",
                    **known, status="canceled")  # fmt: skip


def _pay_invoice(teller: _Teller, number: int, *, is_old: bool, reason: str) -> _Bill:
    invoice_id = f"in_{teller.tag}_{number}"
    amount = teller.chance.randint(100, 9_999)
    bill = _Bill(teller, number, amount, invoice_id if is_old else None)
    _take(bill)
    for turn in ("paid", "payment_succeeded"):
        _tell_invoice(teller, bill, turn, is_old=is_old, reason=reason)
    if not is_old:
        pays = {"type": "payment_intent", "payment_intent": teller.linked(bill.intent_id)}
        teller.tell("invoice_payment.paid", "invoice_payment.paid", id=f"inpay_{bill.suffix}",
                    invoice=teller.linked(invoice_id), payment=pays)  # fmt: skip
    return bill


def _tell_invoice(teller: _Teller, bill: _Bill, turn: str, *, is_old: bool, reason: str) -> None:
    """Put an invoice's links at the top level, or under `parent` and `payments` (2025-03-31)."""
    subscription = teller.linked(f"sub_{teller.tag}")
    charge_id, intent_id = bill.charge_id, bill.intent_id
    links: Document = {"subscription": subscription, "charge": charge_id,
                       "payment_intent": intent_id}  # fmt: skip
    if not is_old:
        pays = {"payment": {"payment_intent": teller.linked(intent_id)}}
        links = dict.fromkeys(links) | {
            "parent": {"subscription_details": {"subscription": subscription}},
            "payments": listing(pays),
        }
    known = {"id": f"in_{bill.suffix}", "billing_reason": reason, "amount_paid": bill.amount}
    teller.tell(f"invoice.{turn}", "invoice.paid", **(known | links))


def _take(bill: _Bill) -> None:
    bill.tell_charge("succeeded")
    bill.tell_intent("succeeded")


def _undo(bill: _Bill) -> None:
    """Yield what may happen to a payment later."""
    if bill.teller.turns():
        bill.tell_all("review", "opened", "closed", id=f"prv_{bill.suffix}")
    if bill.teller.turns():
        _refund(bill)
    if bill.teller.turns():
        kind, dispute = "charge.dispute", {"id": f"dp_{bill.suffix}", "amount": bill.amount}
        bill.tell_all(kind, "created", "funds_withdrawn", **dispute, status="needs_response")
        end = bill.teller.chance.choice(["won", "lost", "needs_response", "of a kind to come"])
        bill.tell_all(kind, "updated", "closed", **dispute, status=end)


def _refund(bill: _Bill) -> None:
    """Yield two partial refunds; the second may fail, or refund the rest."""
    first = bill.teller.chance.randint(1, bill.amount - 1)
    left = bill.amount - first
    refund: Document = {"id": f"re_{bill.suffix}_0", "amount": first}
    bill.tell_all("refund", "created", **refund, status="pending")
    bill.tell_charge("refunded", refunded=first)
    bill.tell_all("refund", "updated", **refund, status="succeeded")
    if bill.teller.turns():
        second: Document = {"id": f"re_{bill.suffix}_1", "amount": left}
        bill.tell_all("refund", "created", **second, status="succeeded")
        held = {**second, "object": "refund", "status": "succeeded"}
        bill.tell_charge("refunded", refunded=bill.amount, refunds=listing(held))
        if bill.teller.turns():
            bill.tell_all("refund", "failed", **second, status="failed")


_TURNS: Final[tuple[Callable[[_Teller], None], ...]] = (
    _at_once,
    _at_once,
    _by_bank,
    _by_bank,
    _expired,
    _for_nothing,
    _contradicted,
    _subscribed,
)
