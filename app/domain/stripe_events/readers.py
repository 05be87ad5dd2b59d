"""How Stripe's events are read: which kind is read by whom.

An endpoint's events keep the shape of the API version it was made with, so both shapes of what has
changed are read; a field that may be expanded may be an id or an object. A value of a kind that
nobody has seen yet is left out and said in the news' doubts: never guessed, never a crash.
"""

from collections.abc import Callable, Mapping
from typing import Final

from app.domain.stripe_events import billing as billing_news
from app.domain.stripe_events import charges as charge_news
from app.domain.stripe_events import sessions as session_news
from app.domain.stripe_events.event import StripeEvent
from app.domain.stripe_events.evidence import CannotFoldError, PaymentNews

Reader = Callable[[StripeEvent], PaymentNews]

READERS: Final[Mapping[str, Reader]] = {
    "checkout.session.completed": session_news.session_completed,
    "checkout.session.async_payment_succeeded": session_news.session_succeeded,
    "checkout.session.async_payment_failed": session_news.session_failed,
    "checkout.session.expired": session_news.session_expired,
    "charge.captured": charge_news.charge,
    "charge.expired": charge_news.charge,
    "charge.failed": charge_news.charge,
    "charge.pending": charge_news.charge,
    "charge.refunded": charge_news.charge,
    "charge.succeeded": charge_news.charge,
    "charge.updated": charge_news.charge,
    "charge.refund.updated": charge_news.refund,
    "refund.created": charge_news.refund,
    "refund.updated": charge_news.refund,
    "refund.failed": charge_news.refund,
    "charge.dispute.created": charge_news.dispute,
    "charge.dispute.updated": charge_news.dispute,
    "charge.dispute.closed": charge_news.dispute,
    "charge.dispute.funds_withdrawn": charge_news.dispute,
    "charge.dispute.funds_reinstated": charge_news.dispute,
    "radar.early_fraud_warning.created": charge_news.fraud_warning,
    "radar.early_fraud_warning.updated": charge_news.fraud_warning,
    "review.opened": charge_news.review,
    "review.closed": charge_news.review,
    "invoice.paid": billing_news.invoice,
    "invoice.payment_succeeded": billing_news.invoice,
    "invoice.payment_failed": billing_news.invoice,
    "invoice.payment_action_required": billing_news.invoice,
    "invoice.voided": billing_news.invoice,
    "invoice.marked_uncollectible": billing_news.invoice,
    "invoice_payment.paid": billing_news.invoice_payment,
    "customer.subscription.created": billing_news.subscription,
    "customer.subscription.updated": billing_news.subscription,
    "customer.subscription.deleted": billing_news.subscription,
    "customer.subscription.paused": billing_news.subscription,
    "customer.subscription.resumed": billing_news.subscription,
    "customer.subscription.trial_will_end": billing_news.subscription,
}
# Of a payment intent every event corroborates, those of tomorrow too.
READERS_BY_PREFIX: Final[Mapping[str, Reader]] = {"payment_intent.": charge_news.payment_intent}


def read_payment_news(event: StripeEvent) -> PaymentNews | None:
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
