"""Continues waking events where a transaction stopped, in small transactions.

The remaining wakes are in the database, so a later run continues after a crash. An event that makes
a transaction fail is found by halving the number of woken events, and fails alone.
"""

import asyncio
import contextlib
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Final

from app.domain.errors import ActTooLargeError, StorageUnavailableError, is_storage_down
from app.domain.fold.asking import Wanted
from app.domain.fold.fold import FoldOfWakes
from app.domain.fold.outcome import Outcome
from app.domain.fold.reasons import reason_of
from app.domain.fold.records import EventState, Payment, Settled
from app.domain.fold.waking import WAKE_MAX, Waking
from app.usecases.fold import failure_text, inform, report
from app.usecases.ports import Alarm, AlertName, Clock
from app.usecases.storage import Database, Transaction

OnChange = Callable[[Collection[Payment]], None]

# An event's sender waits for this many transactions, so the status then includes 1,000 woken
# events. The rest is woken in the background, because other senders wait, too.
PASSES_AT_ONCE: Final = 10
EVERY_S: Final = 60.0  # for what another process left


@dataclass(frozen=True, slots=True, kw_only=True)
class WakeEvents:
    """Wakes the remaining events. `on_change` is called with every change."""

    database: Database
    clock: Clock
    alarm: Alarm
    on_change: OnChange
    every_s: float = EVERY_S
    _is_more_left: asyncio.Event = field(default_factory=asyncio.Event)

    def hurry(self) -> None:
        """Let `run` continue now instead of within a minute."""
        self._is_more_left.set()

    async def run(self) -> None:
        """Wake all remaining events at the start, and whenever there are any."""
        while True:
            self._is_more_left.clear()
            with contextlib.suppress(StorageUnavailableError):  # already reported
                while not await self():
                    pass
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.every_s):
                    await self._is_more_left.wait()

    async def some(self) -> bool:
        """Wake a part now; return whether nothing is left. `run` handles failures."""
        try:
            return await self()
        except Exception:  # noqa: BLE001 the event that made the wakes is committed: answer it
            return False

    async def __call__(self, passes: int = PASSES_AT_ONCE) -> bool:
        """Make this many passes; return whether nothing is left.

        Raises:
            StorageUnavailableError: some passes may have been made.
        """
        suspects, contended = 0, set[str]()
        for _ in range(passes):
            events_max = max(suspects // 2, 1) if suspects else WAKE_MAX
            tries: list[Waking] = []
            try:
                done = await self._pass(events_max, contended, tries)
            except Exception as error:
                if is_storage_down(error):
                    raise
                if events_max == 1:
                    await self._give_up(tries, error)
                    suspects = 0
                else:
                    suspects = tries[-1].read if tries and tries[-1].read else events_max
            else:
                if done is None:
                    return True
                contended = done.contended
                suspects = max(suspects - done.read, 0)
        return False

    async def _pass(
        self, events_max: int, contended: Collection[str], tries: list[Waking]
    ) -> Waking | None:
        """Run one transaction; None if nothing is left. `tries` has how far each attempt came."""
        now_ms = self.clock.now_ms()

        async def wake(transaction: Transaction) -> tuple[FoldOfWakes, Outcome]:
            fold = FoldOfWakes(contended, wake_max=events_max)
            tries.append(fold.waking)
            await inform(fold, transaction)
            outcome = fold.outcome(now_ms)
            if not fold.is_idle:
                await transaction.record((), outcome)
                await transaction.commit()
            return fold, outcome

        fold, outcome = await self.database.write(wake)
        if fold.is_idle:
            return None
        if outcome.payments:
            self.on_change(outcome.payments)
        report(outcome, self.alarm)
        return fold.waking

    async def _give_up(self, tries: list[Waking], error: Exception) -> None:
        """Mark the event that failed alone; the next pass continues after it."""
        tried = tries[-1].tried if tries else None
        if tried is None or isinstance(error, ActTooLargeError):
            raise error
        reason = reason_of(error)

        async def settle(transaction: Transaction) -> list[Settled]:
            await transaction.lock([tried.object_id])
            found = await transaction.look_around(Wanted(events=[tried.event_id]))
            failed = [
                Settled(event_id=event.id, state=EventState.FAILED, reason=reason)
                for event in found.events
                if event.state is EventState.WAITING
            ]
            await transaction.record((), Outcome(settled=failed, wakes=[tried]))
            await transaction.commit()
            return failed

        for failed in await self.database.write(settle):
            self.alarm(AlertName.EVENT_FOLD_FAILED, failure_text(failed.event_id, failed.reason))
