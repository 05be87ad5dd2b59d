"""Events become rows and payments: a batch in one transaction, committed before any 2xx."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.domain.errors import ActTooLargeError, is_storage_down
from app.domain.stripe_events.account import DEAUTHORIZED, never_made
from app.domain.stripe_events.event import StripeEvent
from app.domain.stripe_events.evidence import Evidence
from app.domain.stripe_events.readers import read_evidence
from app.usecases.fold import Folded, fold
from app.usecases.ports import Alarm, AlertName, Clock
from app.usecases.reach import WAKE_MAX, EventEvidence, Waking, mentioned_ids
from app.usecases.reasons import reason_of
from app.usecases.records import EventRow, EventSource, EventState, Mention
from app.usecases.storage import Database, Transaction
from app.usecases.wake_events import OnChange, WakeEvents


@dataclass(frozen=True, slots=True)
class ReceivedEvent:
    """An event that is Stripe's, with the very bytes that were signed, or that were read."""

    event: StripeEvent
    payload: bytes
    source: EventSource = EventSource.WEBHOOK


class Recorded(StrEnum):
    """What became of an event that is safe on disk."""

    RECORDED = "recorded"
    DUPLICATE = "duplicate"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class EventReading:
    """An event after the fold's first half: its evidence of a payment, or why there is none."""

    event_id: str
    evidence: Evidence | None
    error: str | None = None

    def settled(self, folded: Folded) -> tuple[EventState, str | None]:
        """The state in which the event's row ends, and the reason of one that failed.

        One that was understood in part fails too, though what was understood is folded: replaying
        it with a newer program will do the rest.
        """
        error = self.error or folded.failures.get(self.event_id)
        if error:
            return EventState.FAILED, error
        if self.evidence is None:
            return EventState.RECORDED, None
        if self.evidence.doubts:
            return EventState.FAILED, "; ".join(self.evidence.doubts)
        if self.event_id in folded.reached_ids:
            return EventState.FOLDED, None
        return EventState.WAITING if self.evidence.object_ids else EventState.RECORDED, None

    @property
    def mentions(self) -> list[Mention]:
        """By which ids the event is found again: a session's event by its session's alone."""
        if self.evidence is None:
            return []
        ids = (self.evidence.session_id,) if self.evidence.session_id else self.evidence.object_ids
        return [Mention(object_id, self.event_id) for object_id in ids]


def read_for_fold(event: StripeEvent) -> EventReading:
    """Read an event; one that breaks our reading must not break a batch."""
    try:
        return EventReading(event.id, read_evidence(event))
    except Exception as error:  # noqa: BLE001 its reason is kept with the event
        return EventReading(event.id, None, reason_of(error))


def evidence_of(readings: Collection[EventReading]) -> list[EventEvidence]:
    """The evidence that there is to fold."""
    return [
        EventEvidence(reading.event_id, reading.evidence)
        for reading in readings
        if reading.evidence
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordEvents:
    """Keeps events and folds them into their payments. `on_change` hears of every change.

    `hurry` is called where more stored events must be woken than a sender should wait for.
    """

    database: Database
    clock: Clock
    alarm: Alarm
    on_change: OnChange
    hurry: Callable[[], None] = lambda: None

    async def __call__(self, batch: Sequence[ReceivedEvent]) -> list[Recorded]:
        """Record a batch; the outcome of each event, in order. All are on disk when this returns.

        An event that cannot be folded is kept as failed, and its neighbours are not touched.

        Raises:
            StorageUnavailableError: nothing of the batch was committed.
        """
        # Of an event that is there twice the first is kept, so the first is what is folded.
        readings = {each.event.id: read_for_fold(each.event) for each in reversed(batch)}
        try:
            recorded, waking = await self._record(batch, readings)
        except Exception as error:
            if is_storage_down(error) or len(batch) > 1 or not evidence_of(readings.values()):
                raise
            recorded, waking = await self._record_alone(batch, readings)
        if waking.left:
            waker = WakeEvents(
                database=self.database,
                clock=self.clock,
                alarm=self.alarm,
                on_change=self.on_change,
            )
            if not await waker.some():
                self.hurry()
        return recorded

    async def _record_alone(
        self, batch: Sequence[ReceivedEvent], readings: dict[str, EventReading]
    ) -> tuple[list[Recorded], Waking]:
        """An event that could not be folded: perhaps it was one that it woke, perhaps itself."""
        try:
            return await self._record(batch, readings, wake_max=0)
        except Exception as error:
            if is_storage_down(error) or isinstance(error, ActTooLargeError):
                raise
            event_id = batch[0].event.id
            reading = EventReading(event_id, None, reason_of(error))
            return await self._record(batch, {event_id: reading})

    async def _record(
        self,
        batch: Sequence[ReceivedEvent],
        readings: dict[str, EventReading],
        *,
        wake_max: int = WAKE_MAX,
    ) -> tuple[list[Recorded], Waking]:
        now_ms = self.clock.now_ms()

        async def record(transaction: Transaction) -> tuple[dict[str, EventRow], Folded]:
            await transaction.lock(mentioned_ids(evidence_of(readings.values())))
            known = await transaction.known_events(list(readings))
            new = [reading for event_id, reading in readings.items() if event_id not in known]
            folded = await fold(transaction, evidence_of(new), now_ms, Waking(wake_max))
            rows = _rows(batch, {reading.event_id: reading for reading in new}, folded, now_ms)
            await folded.save(transaction)
            await transaction.mention([mention for reading in new for mention in reading.mentions])
            fresh = await transaction.add_events(rows)  # with all of it, where that saves a call
            await transaction.commit()
            return {row.id: row for row in rows if row.id in fresh}, folded

        fresh, folded = await self.database.write(record)
        self._tell([each for each in batch if each.event.id in fresh], fresh, folded)
        outcomes = [_outcome(fresh.pop(received.event.id, None)) for received in batch]
        return outcomes, folded.waking

    def _tell(
        self, new: Sequence[ReceivedEvent], rows: Mapping[str, EventRow], folded: Folded
    ) -> None:
        """Who waits, and what the owner must know; said once it is on disk, and once each."""
        if folded.changed:
            self.on_change(folded.changed)
        for event in {received.event.id: received.event for received in new}.values():
            row = rows[event.id]
            if row.state is EventState.FAILED:
                self.alarm(AlertName.EVENT_FOLD_FAILED, f"{row.id}: {row.reason}")
            elif event.type == DEAUTHORIZED:
                self.alarm(AlertName.ACCOUNT_DEAUTHORIZED, "Stripe says that we may not sell.")
            elif lost := never_made(event):
                self.alarm(AlertName.EVENT_NEVER_MADE, f"{lost}: {event.id} is the notice")
        folded.tell(self.alarm)


def _rows(
    batch: Sequence[ReceivedEvent],
    readings: dict[str, EventReading],
    folded: Folded,
    now_ms: int,
) -> list[EventRow]:
    """The rows of what is new, each once, sorted by id: so that replicas lock in one order."""
    rows: dict[str, EventRow] = {}
    for received in batch:
        event = received.event
        if event.id in readings and event.id not in rows:
            state, reason = readings[event.id].settled(folded)
            rows[event.id] = EventRow(
                id=event.id,
                type=event.type,
                created_s=event.created_s,
                received_at_ms=now_ms,
                account=event.account,
                livemode=event.livemode,
                state=state,
                reason=reason,
                payload=received.payload,
                source=received.source,
            )
    return [rows[event_id] for event_id in sorted(rows)]


def _outcome(row: EventRow | None) -> Recorded:
    """The same event twice in a batch: the first took the row, and the second is a duplicate."""
    if row is None:
        return Recorded.DUPLICATE
    return Recorded.FAILED if row.state is EventState.FAILED else Recorded.RECORDED
