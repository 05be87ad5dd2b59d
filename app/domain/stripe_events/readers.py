"""Maps types of Stripe's events to the functions that read them.

An endpoint's events keep the shape of the API version that it was created with, so old and new
shapes are read; an expandable field may be an id or an object. An unknown value is left out and
reported in the evidence's doubts: it is never guessed and never crashes.
"""

from collections.abc import Callable, Mapping
from typing import Final

from app.domain.stripe_events import billing as billing_evidence
from app.domain.stripe_events import charges as charge_evidence
from app.domain.stripe_events import sessions as session_evidence
from app.domain.stripe_events.event import StripeEvent
from app.domain.stripe_events.evidence import CannotFoldError, Evidence
from app.domain.stripe_events.read_back import LINE_ITEMS

Reader = Callable[[StripeEvent], Evidence]

READERS: Final[Mapping[str, Reader]] = {
    "checkout.session.completed": session_evidence.session_completed,
    "checkout.session.async_payment_succeeded": session_evidence.session_succeeded,
    "checkout.session.async_payment_failed": session_evidence.session_failed,
    "checkout.session.expired": session_evidence.session_expired,
    LINE_ITEMS: session_evidence.session_line_items,
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
# Every event of a payment intent corroborates, including future types.
READERS_BY_PREFIX: Final[Mapping[str, Reader]] = {"payment_intent.": charge_evidence.payment_intent}


def read_evidence(event: StripeEvent) -> Evidence | None:
    """Return what `event` proves about a payment; None if it is not about one.

    Raises:
        CannotFoldError: the event is about a payment, but cannot be understood.
    """
    kind = event.type.removeprefix("v1.")  # the prefix of thin events' types (Stripe: thin events)
    reader = READERS.get(kind) or _reader_by_prefix(kind)
    if reader is None:
        return None
    if not event.subject:
        raise CannotFoldError("the event is thin: it names its object, but does not contain it")
    if kind.startswith("checkout.session.") and event.subject.get("mode") == "setup":
        return None  # it saves a card, and no money moves (Stripe: checkout/sessions, `mode`)
    return reader(event)


def _reader_by_prefix(event_type: str) -> Reader | None:
    for prefix, reader in READERS_BY_PREFIX.items():
        if event_type.startswith(prefix):
            return reader
    return None
