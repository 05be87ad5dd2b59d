"""Collects what arrives during a commit, and passes it on as one batch.

There is no artificial delay: an item that finds the database idle is recorded at once, alone. Under
load, one commit serves many items, so that a slow disk is not the limit (group commit). If the
database can do two commits at once, a second batch starts during the first.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Generic, TypeVar

from app.domain.errors import StorageUnavailableError, is_storage_down

Item = TypeVar("Item")
Result = TypeVar("Result")

BATCH_MAX: Final = 128
WAITING_MAX: Final = 4096  # above this the disk is far behind, and Stripe should retry
WORTH_A_LANE: Final = 6  # a smaller second batch costs more than it saves
WAIT_S: Final = 8.0  # Stripe holds the buyer for 10 s at most (checkout: fulfilment)


class _Waiting(Generic[Item, Result]):
    """One item, and the result that its sender awaits. The sender may have given up meanwhile."""

    __slots__ = ("future", "item")

    def __init__(self, item: Item) -> None:
        self.item = item
        self.future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()

    def succeed(self, result: Result) -> None:
        if not self.future.done():
            self.future.set_result(result)

    def fail(self, error: Exception) -> None:
        if not self.future.done():
            self.future.set_exception(error)

    def give_up(self) -> None:
        self.fail(StorageUnavailableError("The disk is too slow. Please send it again."))


class Inbox(Generic[Item, Result]):
    """A queue in front of a recording function; each caller gets its result."""

    def __init__(
        self,
        record: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]],
        *,
        lanes: int = 1,
        batch_max: int = BATCH_MAX,
        waiting_max: int = WAITING_MAX,
        wait_s: float = WAIT_S,
    ) -> None:
        self._record = record
        self._lanes = lanes
        self._batch_max = batch_max
        self._waiting_max = waiting_max
        self._wait_s = wait_s
        self._waiting: deque[_Waiting[Item, Result]] = deque()
        self._drains: set[asyncio.Task[Any] | None] = set()

    async def put(self, item: Item) -> Result:
        """Record `item`, alone or with others; it is on disk when this returns.

        Raises:
            StorageUnavailableError: it may not be on disk.
        """
        if len(self._waiting) >= self._waiting_max:
            raise StorageUnavailableError(
                "Too many events wait for the disk. Please send it again."
            )
        waiting: _Waiting[Item, Result] = _Waiting(item)
        self._waiting.append(waiting)
        if not self._drains or self._is_another_lane_worth_it():
            self._drains.add(asyncio.create_task(self._drain()))
        # A manual timer, because `asyncio.timeout` costs several times as much for each event.
        timer = waiting.future.get_loop().call_later(self._wait_s, waiting.give_up)
        try:
            return await waiting.future
        finally:
            timer.cancel()

    def _is_another_lane_worth_it(self) -> bool:
        return len(self._drains) < self._lanes and len(self._waiting) >= WORTH_A_LANE

    async def _drain(self) -> None:
        try:
            while self._waiting:
                size = min(len(self._waiting), self._batch_max)
                await self._settle([self._waiting.popleft() for _ in range(size)])
        finally:
            self._drains.discard(asyncio.current_task())

    async def _settle(self, batch: Sequence[_Waiting[Item, Result]]) -> None:
        """Record a batch, and set each item's result.

        One item that cannot be recorded must not fail the others, so then each is tried alone. If
        the database is down, it is not tried again for each item.
        """
        try:
            results = await self._record([waiting.item for waiting in batch])
        except Exception as error:  # noqa: BLE001 whatever it is, those who wait must hear of it
            if len(batch) == 1 or is_storage_down(error):
                for waiting in batch:
                    waiting.fail(error)
            else:
                for waiting in batch:
                    await self._settle([waiting])
        else:
            for waiting, result in zip(batch, results, strict=True):
                waiting.succeed(result)
