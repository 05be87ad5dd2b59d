"""Reads events as the service does: a document becomes an event, its evidence, and facts."""

from collections.abc import Iterable
from functools import reduce

from app.domain.payments.facts import PaymentFacts
from app.domain.stripe_events.event import StripeEvent, read_event
from app.domain.stripe_events.evidence import Evidence
from app.domain.stripe_events.readers import read_evidence
from tests.support.builders import NOW_S, Document, event, session

COMPLETED = "checkout.session.completed"
SUCCEEDED = "checkout.session.async_payment_succeeded"
FAILED = "checkout.session.async_payment_failed"
EXPIRED = "checkout.session.expired"


def stripe_event(
    type_: str,
    subject: Document,
    *,
    created: int | None = NOW_S,
    previous: Document | None = None,
) -> StripeEvent:
    data = {"object": subject, "previous_attributes": previous}
    return read_event(event(type_, created=created, data=data))


def evidence(
    type_: str,
    subject: Document,
    *,
    created: int | None = NOW_S,
    previous: Document | None = None,
) -> Evidence:
    """Return an event's evidence, which must exist."""
    read = read_evidence(stripe_event(type_, subject, created=created, previous=previous))
    assert read is not None
    return read


def evidence_of_session(type_: str = COMPLETED, **fields: object) -> Evidence:
    """Return the evidence of a session with these fields, by default of a paid one."""
    return evidence(type_, session(**fields))


def evidence_in(documents: Iterable[Document]) -> list[Evidence]:
    """Return the evidence of the events that concern a payment."""
    read = (read_evidence(read_event(document)) for document in documents)
    return [said for said in read if said is not None]


def fold(*told: Evidence) -> PaymentFacts:
    """Return the facts that all of this proves about one payment."""
    return reduce(PaymentFacts.join, (said.facts for said in told), PaymentFacts())
