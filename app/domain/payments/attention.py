"""When a payment needs a person: what no program should decide."""

from app.domain.payments.facts import PaymentFacts


def needs_a_person(facts: PaymentFacts) -> bool:
    """Whether there is a contradiction, an open dispute, a fraud warning or an open review."""
    return (
        facts.contradicted
        or bool(facts.fraud_warning_ids)
        or any(dispute.is_open for dispute in facts.disputes.values())
        or any(not review.closed for review in facts.reviews.values())
    )
