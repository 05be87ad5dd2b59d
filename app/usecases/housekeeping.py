"""Periodic jobs: re-read unread events, delete what expired, mark checkouts that are not open.

In small steps, so that nothing has to wait.
"""

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Final

from app.domain.checkout.idempotency import KEY_LIFE_MS
from app.domain.errors import StorageUnavailableError
from app.domain.fold.records import EventState
from app.usecases.ports import Clock
from app.usecases.replay_events import ReplayEvents
from app.usecases.storage import Database, Transaction

EVERY_S: Final = 60.0
PRUNE_BATCH: Final = 500
NOTIFICATIONS_KEPT_DAYS: Final = 30
_DAY_MS: Final = 24 * 60 * 60 * 1000
# A session is open for a day, and Stripe delivers an event for three. What is later stays unmarked,
# and is only found more slowly.
SETTLED_WITHIN_MS: Final = 5 * _DAY_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class Housekeeping:
    """Runs once a minute; if a round fails, the next one follows."""

    database: Database
    clock: Clock
    replay: ReplayEvents
    retention_days: int
    every_s: float = EVERY_S

    async def run(self) -> None:
        """Run until canceled."""
        while True:
            with contextlib.suppress(StorageUnavailableError):  # already reported
                await self.replay.of_state(EventState.UNREAD)
            await asyncio.sleep(self.every_s)
            with contextlib.suppress(StorageUnavailableError):
                while await self():
                    pass  # a round that found something may have left more
            await self.database.give_back_space()

    async def __call__(self) -> int:
        """Forget some keys, payloads and notifications, and mark some checkouts; how many.

        Raises:
            StorageUnavailableError: nothing was changed.
        """

        async def forget(transaction: Transaction) -> int:
            if not await transaction.try_to_lead():
                return 0  # another replica is doing it
            now_ms = self.clock.now_ms()
            claims = await transaction.forget_claims(dead_before_ms=now_ms - KEY_LIFE_MS)
            payloads = await transaction.prune_payloads(
                before_ms=now_ms - self.retention_days * _DAY_MS, now_ms=now_ms, limit=PRUNE_BATCH
            )
            notifications = await transaction.prune_notifications(
                before_ms=now_ms - NOTIFICATIONS_KEPT_DAYS * _DAY_MS, limit=PRUNE_BATCH
            )
            settled = await transaction.settle_checkouts(
                since_ms=now_ms - SETTLED_WITHIN_MS, limit=PRUNE_BATCH
            )
            await transaction.commit()
            return claims + payloads + notifications + settled

        return await self.database.write(forget)
