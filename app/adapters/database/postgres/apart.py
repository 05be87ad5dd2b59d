"""A transaction's statements on what stands beside payments: renewals, and what is to be woken."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from app.adapters.database.postgres import statements as sql
from app.adapters.database.postgres.batch import columns
from app.adapters.database.rows import (
    renewal_to_names,
    renewal_to_row,
    row_to_renewal,
    row_to_stored_event,
)
from app.usecases.records import Renewal, StoredEvent, Wake


class StatementsApart(ABC):
    """Few events need these."""

    @abstractmethod
    async def execute(self, text: str, *parameters: object) -> str:
        """Run one statement."""

    @abstractmethod
    async def fetch(self, text: str, *parameters: object) -> list[Any]:
        """The rows of one statement."""

    async def events_of_wake(self, wake: Wake, *, limit: int) -> Sequence[StoredEvent]:
        """The next events that a wake is about, in the order of their ids."""
        rows = await self.fetch(sql.EVENTS_OF_WAKE, *wake, limit)
        return [row_to_stored_event(row) for row in rows]

    async def pending_wakes(self, *, limit: int) -> Sequence[Wake]:
        """What is left to be woken, in the order of the objects' ids."""
        return [Wake(*row) for row in await self.fetch(sql.PENDING_WAKES, limit)]

    async def keep_wakes(self, wakes: Collection[Wake]) -> None:
        """Leave these to a later transaction."""
        object_ids = [wake.object_id for wake in wakes]
        await self.execute(sql.KEEP_WAKES, object_ids, [wake.event_id for wake in wakes])

    async def forget_wakes(self, object_ids: Collection[str]) -> None:
        """All events that speak of these objects are awake."""
        await self.execute(sql.FORGET_WAKES, list(object_ids))

    async def renewals(self, object_ids: Mapping[str, Collection[str]]) -> Sequence[Renewal]:
        """The renewals that hold or name one of these ids, asked by session id."""
        asked = columns([(key, id_) for key, ids in object_ids.items() for id_ in ids], 2)
        return [row_to_renewal(row) for row in await self.fetch(sql.RENEWALS, *asked)]

    async def all_renewals(self, session_id: str) -> Sequence[Renewal]:
        """Every renewal of a session's subscription."""
        return [row_to_renewal(row) for row in await self.fetch(sql.ALL_RENEWALS, session_id)]

    async def save_renewals(self, renewals: Collection[Renewal]) -> None:
        """Keep these renewals as they are now; forget those without facts."""
        rows = [renewal_to_row(renewal) for renewal in renewals]
        if kept := [row for row in rows if row[2]]:
            names = [name for renewal in renewals for name in renewal_to_names(renewal)]
            await self.execute(sql.SAVE_RENEWALS, *columns(kept, 3), *columns(names, 3))
        if gone := [row[:2] for row in rows if not row[2]]:
            await self.execute(sql.FORGET_RENEWALS, *columns(gone, 2))
