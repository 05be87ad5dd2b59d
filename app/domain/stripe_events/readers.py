"""How Stripe's events are read: which kind is read by whom.

An endpoint's events keep the shape of the API version it was made with, so both shapes of what has
changed are read; a field that may be expanded may be an id or an object. A value of a kind that
nobody has seen yet is left out and said in the evidence' doubts: never guessed, never a crash.
"""

from collections.abc import Callable, Mapping
from typing import Final

from app.domain.stripe_events import billing as billing_evidence
from app.domain.stripe_events import charges as charge_evidence
from app.domain.stripe_events import sessions as session_evidence
from app.domain.stripe_events.event import StripeEvent
from app.domain.stripe_events.evidence import CannotFoldError, Evidence

Reader = Callable[[StripeEvent], Evidence]

READERS: Final[Mapping[str, Reader]] = {
    "checkout.session.completed": session_evidence.session_completed,
    "checkout.session.async_payment_succeeded": session_evidence.session_succeeded,
    "checkout.session.async_payment_failed": session_evidence.session_failed,
    "checkout.session.expired": session_evidence.session_expired,
    "charge.captured": charge_evidence.charge,
    "charge.expired": charge_evidence.charge,
    "charge.failed": charge_evidence.charge,
    "charge.pending": charge_evidence.charge,
    "charge.refunded": charge_evidence.charge,
    "charge.succeeded": charge_evidence.charge,
    "charge.updated": charge_evidence.charge,
    "charge.refund.updated": charge_evidence.refund,
    "refund.created": charge_evidence.refund,
    "refund.updated": charge_evidence.refund,
    "refund.failed": charge_evidence.refund,
    "charge.dispute.created": charge_evidence.dispute,
    "charge.dispute.updated": charge_evidence.dispute,
    "charge.dispute.closed": charge_evidence.dispute,
    "charge.dispute.funds_withdrawn": charge_evidence.dispute,
    "charge.dispute.funds_reinstated": charge_evidence.dispute,
    "radar.early_fraud_warning.created": charge_evidence.fraud_warning,
    "radar.early_fraud_warning.updated": charge_evidence.fraud_warning,
    "review.opened": charge_evidence.review,
    "review.closed": charge_evidence.review,
    "invoice.paid": billing_evidence.invoice,
    "invoice.payment_succeeded": billing_evidence.invoice,
    "invoice.payment_failed": billing_evidence.invoice,
    "invoice.payment_action_required": billing_evidence.invoice,
    "invoice.voided": billing_evidence.invoice,
    "invoice.marked_uncollectible": billing_evidence.invoice,
    "invoice_payment.paid": billing_evidence.invoice_payment,
    "customer.subscription.created": billing_evidence.subscription,
    "customer.subscription.updated": billing_evidence.subscription,
    "customer.subscription.deleted": billing_evidence.subscription,
    "customer.subscription.paused": billing_evidence.subscription,
    "customer.subscription.resumed": billing_evidence.subscription,
    "customer.subscription.trial_will_end": billing_evidence.subscription,
}
# Of a payment intent every event corroborates, those of tomorrow too.
READERS_BY_PREFIX: Final[Mapping[str, Reader]] = {"payment_intent.": charge_evidence.payment_intent}


def read_evidence(event: StripeEvent) -> Evidence | None:
    """What `event` says of a payment; None where it says nothing of one.

    Raises:
        CannotFoldError: the event is about a payment, but cannot be understood.
    """
    kind = event.type.removeprefix("v1.")  # so a thin event's type begins (Stripe: thin events)
    reader = READERS.get(kind) or _reader_by_prefix(kind)
    if reader is None:
        return None
    if not event.subject:
        raise CannotFoldError("the event is thin: it names its object, but does not hold it")
    if kind.startswith("checkout.session.") and event.subject.get("mode") == "setup":
        return None  # it saves a card, and no money moves (Stripe: checkout/sessions, `mode`)
    return reader(event)


def _reader_by_prefix(event_type: str) -> Reader | None:
    for prefix, reader in READERS_BY_PREFIX.items():
        if event_type.startswith(prefix):
            return reader
    return None
