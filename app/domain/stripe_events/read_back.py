"""Builds events from objects that were read from Stripe, for events that Stripe never created.

An object's state shows what happened to it, so it replaces the missing events. They have the same
types, so that they are treated like any other. Their ids are derived from their content, so that
reading the same object twice gives one event. A subscription can come back to an earlier state, so
its events also differ by when it was read.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from app.domain.stripe_events.evidence import Subject, id_of, inner, name_of, time_s

LINE_ITEMS: Final = "checkout.session.line_items"  # our own type: Stripe has no event of them
_ID_DIGITS: Final = 48
# Stripe, the objects' `status`; other values mean that nothing has happened yet.
_INTENTS: Final[Mapping[str | None, str]] = {
    "succeeded": "payment_intent.succeeded",
    "canceled": "payment_intent.canceled",
    "processing": "payment_intent.processing",
}
# Payment methods that succeed or fail as they are charged (Stripe: payments/payment-methods/
# payment-method-support). For any other, the time of reading is used, which is never too early.
_AT_ONCE: Final = frozenset({"card", "link", "cashapp", "amazon_pay", "revolut_pay", "paypal"})
_INVOICES: Final[Mapping[str | None, str]] = {
    "paid": "invoice.paid",
    "void": "invoice.voided",
    "uncollectible": "invoice.marked_uncollectible",
}


def events_made_of(
    subject: Subject, *, now_s: int, livemode: bool | None = None
) -> list[dict[str, object]]:
    """Return an object's events, as Stripe would have created them.

    `now_s` is when it was read, in epoch seconds. `livemode` is the mode of objects that do not
    have their own, such as refunds (Stripe: api/refunds/object). An expanded payment intent and its
    charge are separate objects.
    """
    at_s = _paid_at_s(subject) or now_s
    return [
        _event(part, event_type, at_s, livemode=livemode)
        for part in _parts(subject)
        for event_type in _types_of(part)
    ]


def event_of_line_items(
    session_id: str, items: Sequence[Subject], *, differs_from_cart: bool, now_s: int
) -> dict[str, object]:
    """Return an event that says what was bought, and whether the cart had something else.

    Without items, it says that Stripe has none, so that they are not asked for again.
    """
    session = {
        "id": session_id,
        "object": "checkout.session",
        "livemode": not session_id.startswith("cs_test_"),
        "line_items": {"object": "list", "data": list(items), "has_more": False},
        "differs_from_cart": differs_from_cart,
    }
    return _event(session, LINE_ITEMS, now_s)


def _parts(subject: Subject) -> Iterator[Subject]:
    intent = subject.get("payment_intent")
    charge = inner(intent, "latest_charge")
    yield from (each for each in (subject, intent, charge) if isinstance(each, dict))


def _types_of(part: Subject) -> Iterable[str]:
    kind = part.get("object")
    types_of = _TYPES_OF.get(kind) if isinstance(kind, str) else None
    return types_of(part) if types_of else ()


def _types_of_intent(intent: Subject) -> Iterator[str]:
    if happened := _INTENTS.get(name_of(intent.get("status"))):
        yield happened
    elif intent.get("last_payment_error"):
        yield "payment_intent.payment_failed"


def _types_of_charge(_: Subject) -> Iterator[str]:
    yield "charge.updated"


def _types_of_refund(refund: Subject) -> Iterator[str]:
    yield "refund.failed" if refund.get("status") == "failed" else "refund.updated"


def _types_of_subscription(subscription: Subject) -> Iterator[str]:
    is_over = subscription.get("status") == "canceled"
    yield "customer.subscription.deleted" if is_over else "customer.subscription.updated"


def _types_of_invoice(invoice: Subject) -> Iterator[str]:
    if happened := _INVOICES.get(name_of(invoice.get("status"))):
        yield happened
    elif invoice.get("attempted") is True:
        yield "invoice.payment_failed"


def _types_of_session(session: Subject) -> Iterator[str]:
    """Return the event of a session. A complete but unpaid one waits for the bank, or has failed.

    Then its intent asks for another way to pay (Stripe: payments/bank-debits, failures).
    """
    if session.get("status") == "expired":
        yield "checkout.session.expired"
    elif session.get("status") == "complete":
        yield "checkout.session.completed"
        has_failed = inner(session, "payment_intent", "status") == "requires_payment_method"
        if session.get("payment_status") == "unpaid" and has_failed:
            yield "checkout.session.async_payment_failed"


def _types_of_dispute(dispute: Subject) -> Iterator[str]:
    """Read withdrawn and returned funds from the balance (Stripe, the dispute object)."""
    yield "charge.dispute.updated"
    moves = dispute.get("balance_transactions")
    amounts = [inner(move, "amount") for move in moves] if isinstance(moves, list) else []
    if any(isinstance(amount, int) and amount < 0 for amount in amounts):
        yield "charge.dispute.funds_withdrawn"
    if any(isinstance(amount, int) and amount > 0 for amount in amounts):
        yield "charge.dispute.funds_reinstated"


_TYPES_OF: Final[Mapping[str, Callable[[Subject], Iterable[str]]]] = {
    "charge": _types_of_charge,
    "checkout.session": _types_of_session,
    "dispute": _types_of_dispute,
    "invoice": _types_of_invoice,
    "payment_intent": _types_of_intent,
    "refund": _types_of_refund,
    "subscription": _types_of_subscription,
}


def _paid_at_s(subject: Subject) -> int | None:
    """Return when it was paid, if the intent's charge is expanded and was paid at once.

    A bank debit's charge is days older than the payment, and so is a hold's.
    """
    intent = subject.get("payment_intent")
    charge = inner(intent, "latest_charge")
    kind = name_of(inner(charge, "payment_method_details", "type"))
    if kind is None or kind not in _AT_ONCE:
        return None
    options = inner(intent, "payment_method_options", kind)
    is_hold = "manual" in (inner(intent, "capture_method"), inner(options, "capture_method"))
    return None if is_hold else time_s(inner(charge, "created"))


def _event(
    part: Subject, event_type: str, created_s: int, *, livemode: bool | None = None
) -> dict[str, object]:
    """Build the event, with ids instead of expanded objects."""
    ids = {name: id_of(part[name]) for name in ("payment_intent", "latest_charge") if name in part}
    subject = {**part, **ids}
    when = (created_s,) if subject.get("object") == "subscription" else ()
    own_mode = subject.get("livemode")
    content = json.dumps([event_type, subject, *when], sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(content.encode()).hexdigest()[:_ID_DIGITS]
    return {
        "id": f"evt_read_{digest}",
        "object": "event",
        "created": created_s,
        "livemode": own_mode if isinstance(own_mode, bool) else livemode,
        "type": event_type,
        "data": {"object": subject},
    }
