"""The feed: notifications in one order, for a shop's server that asks for what it has not seen.

One watcher looks at the database for all who wait, once a tick, and not at all while nobody waits.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from app.domain.errors import CursorExpiredError, StorageUnavailableError
from app.usecases.order_document import Document
from app.usecases.outbox import Notification, Position
from app.usecases.rendering import Render

TICK_S: Final = 0.5
HELD_BACK_TICK_S: Final = 0.02  # an earlier transaction is about to commit
HELD_BACK_TICK_S_MAX: Final = 1.0  # or, after a while, is not
PLACES_MAX: Final = 100  # only the shop's own servers have a token


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedPage:
    """Some notifications in the feed's order, and where to continue, which is always set."""

    notifications: Sequence[Notification]
    next: Position


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedTip:
    """The feed's last position. `is_held_back`: more is committed, and may not be shown yet.

    A transaction that began earlier still runs, and may commit what comes before it.
    """

    position: Position
    is_held_back: bool


class FeedSource(Protocol):
    """Reads the feed. Raises `StorageUnavailableError` if the database cannot be read."""

    async def feed_page(self, after: Position | None, *, limit: int) -> FeedPage | None:
        """The next notifications, the oldest first; None where some are no longer kept.

        From the oldest that is kept, where no position is given.
        """
        ...

    async def feed_tip(self) -> FeedTip:
        """Return how far the feed has come."""
        ...


class NotificationFeed:
    """Reads pages, and lets readers wait for the next notification until it is closed."""

    def __init__(
        self,
        *,
        source: FeedSource,
        render: Render,
        places_max: int = PLACES_MAX,
        tick_s: float = TICK_S,
    ) -> None:
        self._source = source
        self._render = render
        self._places_max = places_max
        self._tick_s = tick_s
        self._tip = Position(0, 0)
        self._held_back_tick_s = HELD_BACK_TICK_S
        self._waiting: set[asyncio.Event] = set()
        self._someone_waits = asyncio.Event()
        self._may_have_news = asyncio.Event()
        self._is_closed = False

    @property
    def waiting(self) -> int:
        """The number of waiting requests."""
        return len(self._waiting)

    async def page(
        self, after: Position | None, *, limit: int, wait_s: float = 0
    ) -> tuple[list[tuple[str, Document]], Position]:
        """Return the next notifications' documents with their ids, and where to continue.

        With `wait_s` not before there are some, or so many seconds have passed; at once where all
        places to wait are taken.

        Raises:
            CursorExpiredError: what came after this position is no longer kept.
            StorageUnavailableError: the database cannot be read.
        """
        loop = asyncio.get_running_loop()
        give_up_at_s = loop.time() + wait_s
        page = await self._read(after, limit)
        while not page.notifications and await self._wait(page.next, give_up_at_s - loop.time()):
            page = await self._read(page.next, limit)
        documents = await self._render(page.notifications) if page.notifications else {}
        shown = [
            (each.id, documents[each.id]) for each in page.notifications if each.id in documents
        ]
        return shown, page.next

    def changed(self) -> None:
        """Look now: this process has committed something."""
        self._may_have_news.set()

    async def run(self) -> None:
        """Look how far the feed has come, while somebody waits."""
        while True:
            await self._someone_waits.wait()
            pause_s = self._tick_s
            with contextlib.suppress(StorageUnavailableError):  # the next tick tries again
                pause_s = await self._look()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._may_have_news.wait()

    def close(self) -> None:
        """Let everybody go: the process is about to end."""
        self._is_closed = True
        self._ring()

    async def _read(self, after: Position | None, limit: int) -> FeedPage:
        page = await self._source.feed_page(after, limit=limit)
        if page is None:
            raise CursorExpiredError(
                "What came after this cursor is no longer kept. Begin again without a cursor, and "
                "compare with your orders."
            )
        return page

    async def _wait(self, after: Position, wait_s: float) -> bool:
        """Wait until the feed has come further; False if it has not, or there is no place."""
        if wait_s <= 0 or len(self._waiting) >= self._places_max:
            return False
        bell = asyncio.Event()
        self._waiting.add(bell)
        self._someone_waits.set()
        try:
            async with asyncio.timeout(wait_s):
                while self._tip <= after and not self._is_closed:
                    bell.clear()
                    await bell.wait()
        except TimeoutError:
            return False
        finally:
            self._waiting.discard(bell)
            if not self._waiting:
                self._someone_waits.clear()
        return not self._is_closed

    async def _look(self) -> float:
        """Wake those who wait if there is more; how long to pause until the next look."""
        self._may_have_news.clear()
        tip = await self._source.feed_tip()
        has_moved = tip.position > self._tip
        if has_moved:
            self._tip = tip.position
            self._ring()
        if has_moved or not tip.is_held_back:
            self._held_back_tick_s = HELD_BACK_TICK_S
        if not tip.is_held_back:
            return self._tick_s
        pause_s = self._held_back_tick_s
        self._held_back_tick_s = min(2 * pause_s, HELD_BACK_TICK_S_MAX)
        return pause_s

    def _ring(self) -> None:
        for bell in self._waiting:
            bell.set()
