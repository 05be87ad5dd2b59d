"""Deletes what has had its time, a little at once, so that nobody waits for it."""

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Final

from app.domain.errors import StorageUnavailableError
from app.domain.idempotency import KEY_LIFE_MS
from app.usecases.ports import Clock
from app.usecases.storage import Database, Transaction

EVERY_S: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Housekeeping:
    """One round a minute; a round that fails is followed by another."""

    database: Database
    clock: Clock
    every_s: float = EVERY_S

    async def run(self) -> None:
        """Do it for as long as the service is up."""
        while True:
            await asyncio.sleep(self.every_s)
            with contextlib.suppress(StorageUnavailableError):  # which has been told already
                while await self():
                    pass  # a round that found something may have left something

    async def __call__(self) -> int:
        """Forget keys past their 24 hours; how many. A round takes 500 at most.

        Raises:
            StorageUnavailableError: nothing was deleted.
        """

        async def forget(transaction: Transaction) -> int:
            dead_before_ms = self.clock.now_ms() - KEY_LIFE_MS
            forgotten = await transaction.forget_claims(dead_before_ms=dead_before_ms)
            await transaction.commit()
            return forgotten

        return await self.database.write(forget)
