"""Deletes the bodies of events, and lets the orders table learn whose data went with them."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import TypeVar, cast

from app.adapters.database import sql
from app.adapters.database.outbox import Writes
from app.adapters.database.outbox_rows import new_to_row
from app.adapters.database.outbox_sql import ADD_NOTIFICATION
from app.adapters.database.rows import Row, row_to_stored_event
from app.domain.fold.readings import read_for_fold
from app.domain.fold.records import StoredEvent
from app.domain.notifications.notices import Notice
from app.domain.notifications.notification import notifications
from app.domain.notifications.types import NotificationType
from app.usecases.outbox import NOTHING_POSTED, Posting
from app.usecases.storage import Transaction

T = TypeVar("T")


class KeepsBodies(ABC):
    """Implements `EventBodies` on any database."""

    posting = NOTHING_POSTED

    @abstractmethod
    async def read(self, look: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run `look` over the committed rows of one moment."""

    @abstractmethod
    async def write(self, act: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run `act` in a transaction."""

    async def bodies_of_no_order(self, *, after: str, limit: int) -> Sequence[StoredEvent]:
        """Return the next events that concern no order and have a body, in order of their ids."""

        async def look(transaction: Transaction) -> Sequence[StoredEvent]:
            asks = cast("Writes", transaction)
            rows = await asks.ask(sql.BODIES_OF_NO_ORDER, after=after, limit=limit)
            return [row_to_stored_event(row) for row in rows]

        return await self.read(look)

    async def delete_bodies(self, event_ids: Collection[str], *, now_ms: int) -> int:
        """Delete the bodies of these events; return how many there were."""

        async def delete(transaction: Transaction) -> int:
            writes = cast("Writes", transaction)
            found = await writes.ask(sql.BODIES_TO_DELETE, ids=list(event_ids))
            deleted = await _delete(writes, self.posting, found, now_ms=now_ms)
            await transaction.commit()
            return deleted

        return await self.write(delete)


async def prune_payloads(
    transaction: Writes, posting: Posting, *, before_ms: int, now_ms: int, limit: int
) -> int:
    """Delete payloads of events received before `before_ms`; return how many."""
    found = await transaction.ask(sql.PRUNABLE, before_ms=before_ms, limit=limit)
    return await _delete(transaction, posting, found, now_ms=now_ms)


async def _delete(
    transaction: Writes, posting: Posting, found: Sequence[Row], *, now_ms: int
) -> int:
    """Delete the bodies of these rows, which are locked."""
    pruned = await transaction.change(sql.PRUNE, ids=[row["id"] for row in found])
    session_ids = _session_ids(found) if posting.has_table else []
    if session_ids:
        silent = Notice(type=NotificationType.CHANGED, cause=f"pruned {now_ms}")
        new = [
            new_to_row(each, posting)
            for row in await transaction.ask(sql.ORDERS_OF_SESSIONS, ids=session_ids)
            for each in notifications([silent], **dict(row), at_ms=now_ms)
        ]
        await transaction.write_rows(ADD_NOTIFICATION, new)
    return pruned


def _session_ids(rows: Sequence[Row]) -> list[str]:
    """Return the sessions that these events of sessions are about."""
    stored = [row_to_stored_event(row) for row in rows if row["payload"] is not None]
    mentions = [
        each for event in stored if event.event for each in read_for_fold(event.event).mentions
    ]
    return sorted({each.object_id for each in mentions if each.object_id.startswith("cs_")})
