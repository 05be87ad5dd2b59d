"""Records events and folds them into payments, a batch in one transaction, before any 2xx."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.domain.errors import ActTooLargeError, is_storage_down
from app.domain.fold.fold import Fold
from app.domain.fold.outcome import Outcome
from app.domain.fold.readings import EventReading, evidence_of, read_for_fold
from app.domain.fold.reasons import reason_of
from app.domain.fold.records import EventState, Settled
from app.domain.fold.waking import WAKE_MAX
from app.domain.stripe_events.account import DEAUTHORIZED, never_made
from app.domain.stripe_events.event import StripeEvent
from app.usecases.fold import failure_text, inform, report
from app.usecases.ports import Alarm, AlertName, Clock
from app.usecases.records import EventRow, EventSource
from app.usecases.storage import Database, Transaction
from app.usecases.wake_events import OnChange, WakeEvents


@dataclass(frozen=True, slots=True)
class ReceivedEvent:
    """An event of Stripe's, with the bytes that were signed or read."""

    event: StripeEvent
    payload: bytes
    source: EventSource = EventSource.WEBHOOK


class Recorded(StrEnum):
    """The outcome of an event that is on disk."""

    RECORDED = "recorded"
    DUPLICATE = "duplicate"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordEvents:
    """Stores events and folds them into payments. `on_change` is called with every change.

    `hurry` is called if more stored events must be woken than a sender should wait for.
    """

    database: Database
    clock: Clock
    alarm: Alarm
    on_change: OnChange
    hurry: Callable[[], None] = lambda: None

    async def __call__(self, batch: Sequence[ReceivedEvent]) -> list[Recorded]:
        """Record a batch; return each event's outcome, in order. All are on disk when this returns.

        An event that cannot be folded is stored as failed, without affecting the others.

        Raises:
            StorageUnavailableError: nothing of the batch was committed.
        """
        # If an event occurs twice, the first one is stored, so the first one is folded.
        readings = {each.event.id: read_for_fold(each.event) for each in reversed(batch)}
        try:
            recorded, is_more_left = await self._record(batch, readings)
        except Exception as error:
            if is_storage_down(error) or len(batch) > 1 or not evidence_of(readings.values()):
                raise
            recorded, is_more_left = await self._record_alone(batch, readings)
        if is_more_left:
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
    ) -> tuple[list[Recorded], bool]:
        """Retry one failed event without waking others; if it fails again, record it as failed."""
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
    ) -> tuple[list[Recorded], bool]:
        now_ms = self.clock.now_ms()

        async def record(transaction: Transaction) -> tuple[dict[str, EventRow], Outcome]:
            fold = Fold(readings.values(), wake_max=wake_max)
            await inform(fold, transaction)
            outcome = fold.outcome(now_ms)
            rows = _rows(batch, outcome.ended, now_ms)
            fresh = await transaction.record(rows, outcome)
            await transaction.commit()
            return {row.id: row for row in rows if row.id in fresh}, outcome

        fresh, outcome = await self.database.write(record)
        self._notify([each for each in batch if each.event.id in fresh], fresh, outcome)
        recorded = [_recorded(fresh.pop(received.event.id, None)) for received in batch]
        return recorded, bool(outcome.wakes)

    def _notify(
        self, new: Sequence[ReceivedEvent], rows: Mapping[str, EventRow], outcome: Outcome
    ) -> None:
        """Notify followers and the owner, after the commit, once each."""
        if outcome.payments:
            self.on_change(outcome.payments)
        for event in {received.event.id: received.event for received in new}.values():
            row = rows[event.id]
            if row.state is EventState.FAILED:
                self.alarm(AlertName.EVENT_FOLD_FAILED, failure_text(row.id, row.reason))
            elif event.type == DEAUTHORIZED:
                self.alarm(
                    AlertName.ACCOUNT_DEAUTHORIZED, "The account was disconnected; it cannot sell."
                )
            elif lost := never_made(event):
                self.alarm(AlertName.EVENT_NEVER_MADE, f"{lost}: {event.id} is the notice")
        report(outcome, self.alarm)


def _rows(
    batch: Sequence[ReceivedEvent], ended: Mapping[str, Settled], now_ms: int
) -> list[EventRow]:
    """Return the rows of new events, each once."""
    rows: dict[str, EventRow] = {}
    for received in batch:
        event = received.event
        if event.id in ended and event.id not in rows:
            rows[event.id] = EventRow(
                id=event.id,
                type=event.type,
                created_s=event.created_s,
                received_at_ms=now_ms,
                account=event.account,
                livemode=event.livemode,
                state=ended[event.id].state,
                reason=ended[event.id].reason,
                payload=received.payload,
                source=received.source,
            )
    return list(rows.values())


def _recorded(row: EventRow | None) -> Recorded:
    """Return outcomes; of the same event twice in a batch, the second is a duplicate."""
    if row is None:
        return Recorded.DUPLICATE
    return Recorded.FAILED if row.state is EventState.FAILED else Recorded.RECORDED
