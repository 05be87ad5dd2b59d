"""Reads subscription events and invoice events, in the old and the new API shape."""

from collections.abc import Mapping
from typing import Any, Final

from app.domain.payments.facts import PaymentFacts
from app.domain.payments.subscriptions import Invoice, Subscription, SubscriptionStatus
from app.domain.stripe_events.event import StripeEvent
from app.domain.stripe_events.evidence import (
    Evidence,
    Subject,
    amount_minor,
    currency_of,
    doubtful,
    id_of,
    ids_of,
    inner,
    listed,
    own_id,
    time_s,
)

_INVOICE_FACTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "invoice.paid": {"paid": True},
    "invoice.payment_succeeded": {"paid": True},
    "invoice.payment_failed": {"payment_failed": True},
    "invoice.payment_action_required": {"action_required": True},
    "invoice.voided": {"voided": True},
    "invoice.marked_uncollectible": {"uncollectible": True},
}
_FIRST: Final = "subscription_create"
_SHOWN: Final = frozenset({"status", "cancel_at", "cancel_at_period_end"})


def subscription(event: StripeEvent) -> Evidence:
    """Read a subscription's state at the time of the event."""
    subject = event.subject
    subscription_id, status = own_id(subject), subject.get("status")
    object_ids = ids_of(subscription_id, subject.get("latest_invoice"))
    if not isinstance(status, str) or status not in set(SubscriptionStatus):
        return Evidence(None, object_ids, PaymentFacts(), (doubtful("status"),))
    doubts: list[str] = []
    period_ends_s, cancel_at_s = _period_ends_s(subject, doubts), time_s(subject.get("cancel_at"))
    state = Subscription(
        status=SubscriptionStatus(status),
        at_s=event.created_s or 0,
        is_first=event.type == "customer.subscription.created",
        changed_status="status" in event.previous_attributes,
        changed_nothing=bool(event.previous_attributes)
        and _SHOWN.isdisjoint(event.previous_attributes),
        # Money is due when the first of its periods ends.
        current_period_end_s=min(period_ends_s, default=None),
        cancel_at_s=cancel_at_s,
        # With flexible billing, the portal sets only `cancel_at` (Stripe: billing-mode/compare).
        cancel_at_period_end=subject.get("cancel_at_period_end") is True
        or cancel_at_s in period_ends_s,
    )
    facts = PaymentFacts(subscriptions={subscription_id: state})
    return Evidence(None, object_ids, facts, tuple(doubts))


def invoice(event: StripeEvent) -> Evidence:
    """Read an invoice: since 2025-03-31 its ids are under `parent` and `payments`."""
    subject = event.subject
    invoice_id = own_id(subject)
    doubts: list[str] = []
    payments = [payment.get("payment") for payment in listed(subject, "payments", doubts)]
    payment_ids = ids_of(
        subject.get("payment_intent"),
        subject.get("charge"),
        *(inner(payment, name) for payment in payments for name in ("payment_intent", "charge")),
    )
    reason = subject.get("billing_reason")
    proven = _INVOICE_FACTS[event.type]
    known = Invoice(
        paid_at_s=event.created_s if "paid" in proven else None,
        is_first=reason == _FIRST,
        is_renewal=isinstance(reason, str) and reason != _FIRST,
        amount_paid_minor=amount_minor(subject.get("amount_paid")),
        currency=currency_of(subject.get("currency")),
        payment_ids=tuple(sorted(payment_ids)),
        **proven,
    )
    object_ids = ids_of(
        invoice_id,
        subject.get("subscription"),
        inner(subject, "parent", "subscription_details", "subscription"),
        *payment_ids,
    )
    return Evidence(None, object_ids, PaymentFacts(invoices={invoice_id: known}), tuple(doubts))


def invoice_payment(event: StripeEvent) -> Evidence:
    """Read which payment paid which invoice (since 2025-03-31); its own event has the rest."""
    subject = event.subject
    payment_ids = ids_of(
        inner(subject, "payment", "payment_intent"), inner(subject, "payment", "charge")
    )
    invoice_id = id_of(subject.get("invoice"))
    known = {invoice_id: Invoice(payment_ids=tuple(sorted(payment_ids)))} if invoice_id else {}
    object_ids = ids_of(invoice_id, *payment_ids)
    doubts = () if invoice_id else (doubtful("invoice"),)
    return Evidence(None, object_ids, PaymentFacts(invoices=known), doubts)


def _period_ends_s(subject: Subject, doubts: list[str]) -> set[int]:
    """Return when its current periods end: since 2025-03-31, each item has its own period."""
    ends = [subject.get("current_period_end")]
    ends += [item.get("current_period_end") for item in listed(subject, "items", doubts)]
    return {end for value in ends if (end := time_s(value)) is not None}
