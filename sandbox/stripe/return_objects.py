"""Stripe's refund and dispute objects."""

from sandbox.stripe.objects import JsonObject
from sandbox.stripe.returns import Dispute, DisputeStatus, Refund
from sandbox.stripe.sessions import Session

ANSWER_DAYS = 21
DAY_S = 24 * 60 * 60
NETWORK_REFERENCE = "123456789012"


def refund_object(session: Session, refund: Refund, *, settled: bool) -> JsonObject:
    """Return the `refund`; a settled one has the card network's reference."""
    card: JsonObject = {
        "reference_status": "available" if settled else "pending",
        "reference_type": "acquirer_reference_number",
        "type": "refund",
    }
    if settled:
        card["reference"] = NETWORK_REFERENCE
    return {
        "id": refund.id,
        "object": "refund",
        "amount": refund.amount_minor,
        "balance_transaction": f"txn_{refund.id.removeprefix('re_')}",
        "charge": session.charge_id,
        "created": refund.created,
        "currency": session.order.currency,
        "destination_details": {"card": card, "type": "card"},
        "metadata": {},
        "payment_intent": session.payment_intent_id,
        "reason": None,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }


def dispute_object(session: Session, dispute: Dispute) -> JsonObject:
    """Return the `dispute`."""
    is_open = dispute.status is DisputeStatus.NEEDS_RESPONSE
    return {
        "id": dispute.id,
        "object": "dispute",
        "amount": dispute.amount_minor,
        "balance_transactions": [],
        "charge": session.charge_id,
        "created": dispute.created,
        "currency": session.order.currency,
        "evidence": {},
        "evidence_details": {
            "due_by": dispute.created + ANSWER_DAYS * DAY_S,
            "has_evidence": not is_open,
            "past_due": False,
            "submission_count": 0 if is_open else 1,
        },
        "is_charge_refundable": dispute.status is DisputeStatus.WON,
        "livemode": False,
        "metadata": {},
        "payment_intent": session.payment_intent_id,
        "reason": "general",
        "status": dispute.status.value,
    }
