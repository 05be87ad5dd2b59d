"""The feed in a database: notifications in an order that no late commit changes."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar, cast

from app.adapters.database import outbox_sql as sql
from app.adapters.database.orders import Asks
from app.adapters.database.outbox_rows import row_to_notification
from app.usecases.notification_feed import FeedPage, FeedTip
from app.usecases.outbox import Position
from app.usecases.storage import Transaction

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bounds:
    """A part of the feed: after `start`, from transactions below `horizon`."""

    start: Position
    horizon: int


class KeepsFeed(ABC):
    """Reads and prunes the feed in any database."""

    @abstractmethod
    async def read(self, look: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run `look` over one moment's committed rows."""

    async def feed_page(self, after: Position | None, *, limit: int) -> FeedPage | None:
        """The next notifications, the oldest first; None where some are no longer kept."""
        return await self._page(sql.FEED_PAGE, after, limit)

    async def table_page(self, after: Position | None, *, limit: int) -> FeedPage | None:
        """See `TableStore.table_page`."""
        return await self._page(sql.TABLE_PAGE, after, limit)

    async def feed_tip(self) -> FeedTip:
        """Return how far the feed has come."""

        async def look(transaction: Transaction) -> FeedTip:
            asks = cast("Asks", transaction)
            bounds = await _bounds(asks)
            position = await _settled(asks, bounds)
            return FeedTip(position=position, is_held_back=await _last(asks, bounds) > position)

        return await self.read(look)

    async def _page(self, text: str, after: Position | None, limit: int) -> FeedPage | None:
        async def look(transaction: Transaction) -> FeedPage | None:
            asks = cast("Asks", transaction)
            bounds = await _bounds(asks)
            start = bounds.start if after is None else after
            if start < bounds.start or start > await _last(asks, bounds):
                return None
            rows = await asks.ask(
                text, tx=start.tx, seq=start.seq, horizon=bounds.horizon, limit=limit
            )
            found = [row_to_notification(row) for row in rows]
            is_full = len(found) == limit
            end = found[-1].position if is_full else await _settled(asks, bounds)
            return FeedPage(notifications=found, next=max(start, end))

        return await self.read(look)


async def prune_notifications(transaction: Asks, *, before_ms: int, limit: int) -> int:
    """Forget some notifications of before that time that do not wait; how many.

    The feed's start moves on first, so that a reader who is behind it learns of the gap.
    """
    await transaction.change(sql.ADD_RECEIVER)
    start = (await _bounds(transaction)).start
    rows = await transaction.ask(sql.OLD, tx=start.tx, seq=start.seq, limit=limit)
    for row in rows:
        if row["at_ms"] >= before_ms:
            break
        start = Position(row["tx"], row["seq"])
    await transaction.change(sql.MOVE_START, tx=start.tx, seq=start.seq)
    pruned = await transaction.ask(sql.PRUNE, tx=start.tx, seq=start.seq, limit=limit)
    if pruned:
        await transaction.change(sql.PRUNE_TRIES, ids=[row["id"] for row in pruned])
    return len(pruned)


async def continue_numbering(transaction: Asks) -> None:
    """Let new notifications come after all that are kept, also where a dump was restored."""
    ahead = await transaction.ask(sql.NUMBERS_AHEAD)
    if ahead:
        await transaction.change(sql.ADD_RECEIVER)
        await transaction.change(sql.MOVE_BASE, base=ahead[0]["latest"])


async def _bounds(transaction: Asks) -> _Bounds:
    (row,) = await transaction.ask(sql.FEED_BOUNDS)
    return _Bounds(start=Position(row["pruned_tx"], row["pruned_seq"]), horizon=row["horizon"])


async def _last(transaction: Asks, bounds: _Bounds) -> Position:
    """Return the last position that any reader can have received."""
    rows: Sequence[dict[str, int]] = await transaction.ask(sql.LAST)
    return max(bounds.start, Position(rows[0]["tx"], rows[0]["seq"])) if rows else bounds.start


async def _settled(transaction: Asks, bounds: _Bounds) -> Position:
    """Return the last position that a reader may have received now."""
    rows: Sequence[dict[str, int]] = await transaction.ask(sql.LAST_SETTLED, horizon=bounds.horizon)
    return Position(rows[0]["tx"], rows[0]["seq"]) if rows else bounds.start
