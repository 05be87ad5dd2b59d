"""Events for the fold, each read separately, so that one that cannot be read fails alone."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from app.domain.fold.reasons import reason_of
from app.domain.fold.records import EventState, Mention, Settled
from app.domain.stripe_events.event import StripeEvent
from app.domain.stripe_events.evidence import Evidence
from app.domain.stripe_events.readers import read_evidence


@dataclass(frozen=True, slots=True)
class EventEvidence:
    """An event's evidence, with the event's id."""

    event_id: str
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class EventReading:
    """A parsed event: its evidence of a payment, or why there is none."""

    event_id: str
    evidence: Evidence | None
    error: str | None = None

    def settled(self, *, is_reached: bool, failure: str | None) -> Settled:
        """Return the event's final state, depending on whether it reached a payment.

        A partly understood event is `failed`, too, although the understood part is folded.
        Replaying it with a newer program does the rest.
        """
        state, reason = EventState.RECORDED, self.error or failure
        if reason:
            state = EventState.FAILED
        elif self.evidence and self.evidence.doubts:
            state, reason = EventState.FAILED, "; ".join(self.evidence.doubts)
        elif is_reached:
            state = EventState.FOLDED
        elif self.evidence and self.evidence.object_ids:
            state = EventState.WAITING
        return Settled(event_id=self.event_id, state=state, reason=reason)

    @property
    def mentions(self) -> list[Mention]:
        """Return the ids by which the event is found; for a session's event, only the session's."""
        if self.evidence is None:
            return []
        ids = (self.evidence.session_id,) if self.evidence.session_id else self.evidence.object_ids
        return [Mention(object_id, self.event_id) for object_id in ids]


def read_for_fold(event: StripeEvent) -> EventReading:
    """Read an event; an exception must not fail the whole batch."""
    try:
        return EventReading(event.id, read_evidence(event))
    except Exception as error:  # noqa: BLE001 its reason is kept with the event
        return EventReading(event.id, None, reason_of(error))


def evidence_of(readings: Iterable[EventReading]) -> list[EventEvidence]:
    """Return the evidence to fold."""
    return [
        EventEvidence(reading.event_id, reading.evidence)
        for reading in readings
        if reading.evidence
    ]


def mentioned_ids(items: Collection[EventEvidence]) -> set[str]:
    """Return every id in the evidence, including the sessions' own."""
    ids = {object_id for item in items for object_id in item.evidence.object_ids}
    ids.update(item.evidence.session_id for item in items if item.evidence.session_id)
    return ids


def named_checkouts(items: Iterable[EventEvidence]) -> set[str]:
    """Return the checkouts that the sessions' success URLs name."""
    return {id_ for item in items if (id_ := item.evidence.facts.checkout_id)}
