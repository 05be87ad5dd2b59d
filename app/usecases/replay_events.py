"""Folds stored events again. Always safe, because joining the same facts changes nothing."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from app.domain.errors import ActTooLargeError, is_storage_down
from app.domain.fold.fold import FoldAgain
from app.domain.fold.outcome import Outcome
from app.domain.fold.reasons import reason_of
from app.domain.fold.records import EventState, Settled
from app.domain.fold.waking import WAKE_MAX
from app.usecases.event_book import EventDatabase
from app.usecases.fold import inform, report
from app.usecases.ports import Alarm, Clock
from app.usecases.storage import Transaction
from app.usecases.wake_events import OnChange, WakeEvents

PAGE: Final = 100  # for one transaction, short enough that webhooks hardly notice


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayEvents:
    """Used after an upgrade that understands more events. `on_change` gets every change."""

    database: EventDatabase
    clock: Clock
    alarm: Alarm
    on_change: OnChange

    async def of_state(self, state: EventState | None) -> Counter[EventState]:
        """Replay every event of a state, or all; return how many ended in which state.

        Raises:
            StorageUnavailableError: some pages may have been processed.
        """
        ended: Counter[EventState] = Counter()
        after = ""
        while page := await self._page(state, after):
            ended += await self(page)
            after = page[-1]
        return ended

    async def __call__(self, event_ids: Collection[str]) -> Counter[EventState]:
        """Replay these; skip unknown ones, and those whose payload was deleted.

        Raises:
            StorageUnavailableError: none of these was processed.
        """
        try:
            ended = await self._replay(event_ids)
        except Exception as error:
            if is_storage_down(error):
                raise
            if len(event_ids) > 1:
                return sum([await self([event_id]) for event_id in event_ids], Counter())
            ended = await self._replay_alone(next(iter(event_ids)))
        return ended

    async def _replay_alone(self, event_id: str) -> Counter[EventState]:
        """Retry one failed event without waking others; if it fails again, mark it as failed."""
        try:
            return await self._replay([event_id], wake_max=0)
        except Exception as error:
            if is_storage_down(error) or isinstance(error, ActTooLargeError):
                raise
            return await self._settle_as_failed(event_id, reason_of(error))

    async def _replay(
        self, event_ids: Collection[str], *, wake_max: int = WAKE_MAX
    ) -> Counter[EventState]:
        async def replay(transaction: Transaction) -> Outcome:
            fold = FoldAgain(event_ids, wake_max=wake_max)
            await inform(fold, transaction)
            outcome = fold.outcome(self.clock.now_ms())
            await transaction.record((), outcome)
            await transaction.commit()
            return outcome

        outcome = await self.database.write(replay)
        self.on_change(outcome.payments)
        report(outcome, self.alarm)
        if outcome.wakes:
            await self._wake_the_rest()
        return Counter(event.state for event in outcome.ended.values())

    async def _wake_the_rest(self) -> None:
        wake = WakeEvents(
            database=self.database, clock=self.clock, alarm=self.alarm, on_change=self.on_change
        )
        while not await wake():
            pass

    async def _settle_as_failed(self, event_id: str, reason: str) -> Counter[EventState]:
        async def settle(transaction: Transaction) -> None:
            failed = Settled(event_id=event_id, state=EventState.FAILED, reason=reason)
            await transaction.record((), Outcome(settled=[failed]))
            await transaction.commit()

        await self.database.write(settle)
        return Counter([EventState.FAILED])

    async def _page(self, state: EventState | None, after: str) -> Sequence[str]:
        return await self.database.read(
            lambda transaction: transaction.event_ids(state, after=after, limit=PAGE)
        )
