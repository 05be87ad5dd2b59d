"""Reads events about payment intents, charges, refunds, disputes and reviews."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from app.domain.payments.disputes import Dispute, DisputeState, FraudWarning, Review
from app.domain.payments.facts import PaymentFacts
from app.domain.payments.intents import Intent, IntentState
from app.domain.payments.refunds import Charge, Refund, RefundState
from app.domain.payments.subscriptions import Invoice
from app.domain.stripe_events.event import StripeEvent
from app.domain.stripe_events.evidence import (
    CannotFoldError,
    Evidence,
    Subject,
    amount_minor,
    currency_of,
    doubtful,
    id_of,
    ids_of,
    inner,
    known_value,
    listed,
    name_of,
    own_id,
    required_amount_minor,
    time_s,
)

_INTENT_STATES: Final[Mapping[str, IntentState]] = {
    "payment_intent.payment_failed": IntentState.ATTEMPT_FAILED,
    "payment_intent.canceled": IntentState.CANCELED,
    "payment_intent.succeeded": IntentState.SUCCEEDED,
}
# Stripe, the refund object: `status`.
_REFUND_STATES: Final[Mapping[str, RefundState]] = {
    "pending": RefundState.PENDING,
    "requires_action": RefundState.PENDING,
    "succeeded": RefundState.SUCCEEDED,
    "failed": RefundState.FAILED,
    "canceled": RefundState.FAILED,
}
# Stripe, the dispute object: `status`.
_DISPUTE_STATES: Final[Mapping[str, DisputeState]] = {
    "warning_needs_response": DisputeState.OPEN,
    "warning_under_review": DisputeState.OPEN,
    "needs_response": DisputeState.OPEN,
    "under_review": DisputeState.OPEN,
    "warning_closed": DisputeState.WARNING_CLOSED,
    "prevented": DisputeState.PREVENTED,
    "won": DisputeState.WON,
    "lost": DisputeState.LOST,
}


def payment_intent(event: StripeEvent) -> Evidence:
    """Read a payment intent. Since 2022-11-15 it has `latest_charge` instead of its charges."""
    intent = event.subject
    intent_id = own_id(intent)
    doubts: list[str] = []
    charges = [charge.get("id") for charge in listed(intent, "charges", doubts)]
    object_ids = ids_of(intent_id, intent.get("latest_charge"), intent.get("invoice"), *charges)
    facts = PaymentFacts(
        intents=_intent(event, intent_id),
        invoices=_paid_by(intent.get("invoice"), intent_id),
    )
    return Evidence(None, object_ids, facts, tuple(doubts))


def charge(event: StripeEvent) -> Evidence:
    """Read a charge and its refunded sum. Before 2022-11-15 it contained its refunds."""
    subject = event.subject
    charge_id, intent_id = own_id(subject), id_of(subject.get("payment_intent"))
    refunded_minor = amount_minor(subject.get("amount_refunded"))
    refunds: dict[str, Refund] = {}
    doubts: list[str] = [] if refunded_minor is not None else [doubtful("amount_refunded")]
    for held in listed(subject, "refunds", doubts):
        try:
            refund_id, known = _refund({**held, "charge": charge_id}, doubts)
        except CannotFoldError:
            doubts.append(doubtful("refunds"))
        else:
            refunds[refund_id] = known
    facts = PaymentFacts(
        charges={charge_id: Charge(refunded_minor=refunded_minor, intent_id=intent_id)}
        if refunded_minor
        else {},
        refunds=refunds,
        invoices=_paid_by(subject.get("invoice"), intent_id or charge_id),
    )
    object_ids = ids_of(charge_id, intent_id, subject.get("invoice"))
    return Evidence(None, object_ids, facts, tuple(dict.fromkeys(doubts)))


def refund(event: StripeEvent) -> Evidence:
    """Read a refund. For `refund.failed`, only the type says that the shop got the money back."""
    doubts: list[str] = []
    refund_id, known = _refund(event.subject, doubts)
    if event.type == "refund.failed":
        known = replace(known, state=RefundState.FAILED, word="failed")
    return Evidence(
        None,
        ids_of(known.charge_id, known.intent_id),
        PaymentFacts(refunds={refund_id: known}),
        tuple(doubts),
    )


def dispute(event: StripeEvent) -> Evidence:
    """Read a dispute, or an inquiry that may become one. An unknown state counts as open."""
    subject = event.subject
    state = known_value(_DISPUTE_STATES, subject.get("status"))
    known = Dispute(
        state=state or DisputeState.OPEN,
        amount_minor=required_amount_minor(subject, "amount"),
        charge_id=id_of(subject.get("charge")),
        intent_id=id_of(subject.get("payment_intent")),
        funds_withdrawn=event.type == "charge.dispute.funds_withdrawn",
        funds_reinstated=event.type == "charge.dispute.funds_reinstated",
        word=str(subject["status"]) if state else None,
        reason=name_of(subject.get("reason")),
        evidence_due_by_s=time_s(inner(subject, "evidence_details", "due_by")),
    )
    return Evidence(
        None,
        ids_of(known.charge_id, known.intent_id),
        PaymentFacts(disputes={own_id(subject): known}),
        () if state else (doubtful("status"),),
    )


def fraud_warning(event: StripeEvent) -> Evidence:
    """Read a card network's fraud warning (Stripe: radar/early_fraud_warning).

    It is not `actionable` any more once the charge was disputed, or refunded whole.
    """
    subject = event.subject
    known = FraudWarning(
        answered=subject.get("actionable") is False,
        charge_id=id_of(subject.get("charge")),
        intent_id=id_of(subject.get("payment_intent")),
    )
    facts = PaymentFacts(fraud_warnings={own_id(subject): known})
    return Evidence(None, ids_of(known.charge_id, known.intent_id), facts)


def review(event: StripeEvent) -> Evidence:
    """Read a review that was opened or closed."""
    subject = event.subject
    object_ids = ids_of(subject.get("charge"), subject.get("payment_intent"))
    known = Review(closed=event.type == "review.closed")
    return Evidence(None, object_ids, PaymentFacts(reviews={own_id(subject): known}))


def _intent(event: StripeEvent, intent_id: str) -> dict[str, Intent]:
    """Return the intent's state from the event's type; a succeeded one has the received amount."""
    state = _INTENT_STATES.get(event.type.removeprefix("v1."))
    if state is not IntentState.SUCCEEDED:
        return {intent_id: Intent(state=state)} if state else {}
    known = Intent(
        state=state,
        succeeded_at_s=event.created_s,
        amount_minor=amount_minor(event.subject.get("amount")),
        received_minor=amount_minor(event.subject.get("amount_received")),
        currency=currency_of(event.subject.get("currency")),
    )
    return {intent_id: known}


def _refund(subject: Subject, doubts: list[str]) -> tuple[str, Refund]:
    """Return a refund's id and what is known about it. An unknown state counts as pending.

    So does a missing one: `status` may be null (Stripe, the refund object), as in old API versions
    and in their charges' lists.
    """
    status = subject.get("status")
    state = known_value(_REFUND_STATES, status)
    if state is None and status is not None:
        doubts.append(doubtful("status"))
    known = Refund(
        state=state or RefundState.PENDING,
        amount_minor=required_amount_minor(subject, "amount"),
        charge_id=id_of(subject.get("charge")),
        intent_id=id_of(subject.get("payment_intent")),
        word=str(status) if state else None,
        created_s=time_s(subject.get("created")),
    )
    return own_id(subject), known


def _paid_by(invoice: object, payment_id: str) -> dict[str, Invoice]:
    """Return the paid invoice's id, which intents and charges had before 2025-03-31."""
    invoice_id = id_of(invoice)
    return {invoice_id: Invoice(payment_ids=(payment_id,))} if invoice_id else {}
