"""Flags: reasons to look at an order, each with its causes, and which of them are new."""

from collections.abc import Mapping
from enum import StrEnum

from app.domain.payments.disputes import Dispute, FraudWarning
from app.domain.payments.facts import PaymentFacts
from app.domain.payments.refunds import amount_refunded_minor
from app.domain.payments.status import PaymentStatus


class Flag(StrEnum):
    """A reason to look at an order."""

    CONTRADICTED = "contradicted"
    PRICE_MISMATCH = "price_mismatch"
    ITEMS_DIFFER = "items_differ"
    DISPUTED = "disputed"
    FRAUD_WARNING = "fraud_warning"
    REVIEW = "review"
    PAID_TWICE = "paid_twice"
    EVENT_FAILED = "event_failed"


Flags = Mapping[Flag, frozenset[str]]
"""An order's flags. The causes are ids: of disputes, reviews, sessions, events, other orders."""


def new_flags(before: Flags, after: Flags) -> dict[Flag, frozenset[str]]:
    """Return the flags of `after`, with the causes that `before` does not have.

    A second dispute is new; the end of one of two disputes is not.
    """
    nothing = frozenset[str]()
    new = {flag: causes - before.get(flag, nothing) for flag, causes in after.items()}
    return {flag: causes for flag, causes in new.items() if causes}


def open_matters(facts: PaymentFacts) -> dict[Flag, frozenset[str]]:
    """Return the flags from a payment's disputes, fraud warnings and reviews.

    A fraud warning suggests a refund before there is a dispute; it is over after a full refund or a
    dispute of its payment (Stripe: radar/early_fraud_warning, `actionable`).
    """
    if not (facts.disputes or facts.fraud_warnings or facts.reviews):
        return {}  # nearly always
    found = {
        Flag.DISPUTED: {
            dispute_cause(id_, dispute)
            for id_, dispute in facts.disputes.items()
            if dispute.is_open
        },
        Flag.FRAUD_WARNING: {
            id_
            for id_, warning in facts.fraud_warnings.items()
            if not warning.answered and not _is_over(warning, facts)
        },
        Flag.REVIEW: {id_ for id_, review in facts.reviews.items() if not review.closed},
    }
    return {flag: frozenset(ids) for flag, ids in found.items() if ids}


def _is_over(warning: FraudWarning, facts: PaymentFacts) -> bool:
    """Return whether the payment that a warning is about was disputed, or refunded whole."""
    ids = {warning.charge_id, warning.intent_id} - {None}
    if not ids:  # stored by a version that did not know the payment
        return facts.status is PaymentStatus.REFUNDED or bool(facts.disputes)
    ids |= {each.intent_id for id_, each in facts.charges.items() if id_ in ids} - {None}
    if any({each.charge_id, each.intent_id} & ids for each in facts.disputes.values()):
        return True
    if facts.renewals_payment_ids.isdisjoint(ids):
        return facts.status is PaymentStatus.REFUNDED
    paid_minor = [each.amount_minor for id_, each in facts.intents.items() if id_ in ids]
    if not any(paid_minor):  # stored by a version that did not know it
        invoices = facts.invoices.values()
        paid_minor = [each.amount_paid_minor for each in invoices if ids & {*each.payment_ids}]
    refunded_minor = amount_refunded_minor(
        facts.refunds, facts.charges, counts=lambda *payment_ids: bool(ids & {*payment_ids})
    )
    return 0 < sum(filter(None, paid_minor)) <= refunded_minor


def dispute_cause(dispute_id: str, dispute: Dispute) -> str:
    """Return its cause. An inquiry is a different cause than the dispute with the same id."""
    return f"{dispute_id}/inquiry" if dispute.is_inquiry else dispute_id


def needs_a_person(facts: PaymentFacts) -> bool:
    """Return whether a payment's own facts flag its order."""
    return facts.contradicted or items_differ(facts) or bool(open_matters(facts))


def items_differ(facts: PaymentFacts) -> bool:
    """Whether something else was bought than the cart had."""
    return facts.details is not None and facts.details.items_differ
