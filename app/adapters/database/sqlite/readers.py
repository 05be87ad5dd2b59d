"""Threads that read a SQLite file; each read gets one that is idle."""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from app.adapters.database.sqlite.connection_thread import ConnectionThread

T = TypeVar("T")


class Readers:
    """Lends each thread to one read at a time; the others wait for whichever is idle first."""

    def __init__(self, threads: Sequence[ConnectionThread]) -> None:
        self._threads = threads
        self._idle: asyncio.Queue[ConnectionThread] = asyncio.Queue()
        for thread in threads:
            self._idle.put_nowait(thread)

    async def read(self, look: Callable[[sqlite3.Connection], T], *, give_up_at: float) -> T:
        """Run `look` in an idle thread, and interrupt it when it is `give_up_at`.

        Raises:
            sqlite3.Error: from the driver or `look`.
            TimeoutError: no thread was idle before `give_up_at`, by the monotonic clock.
        """
        thread = await self._take(give_up_at)
        reading = asyncio.ensure_future(thread.read(look, give_up_at=give_up_at))

        def give_back(finished: asyncio.Future[T]) -> None:
            self._idle.put_nowait(thread)
            if not finished.cancelled():
                finished.exception()  # perhaps nobody waits for it any more

        reading.add_done_callback(give_back)
        await asyncio.wait([reading])  # if the caller goes, the thread still reads, and is not idle
        return reading.result()

    async def reconnect(self) -> None:
        """Close each connection after earlier work; later work opens a new one."""
        for thread in self._threads:
            await thread.reconnect()

    async def close(self) -> None:
        """Wait for the reads that were asked for, and close the file."""
        for _ in self._threads:
            await self._idle.get()
        for thread in self._threads:
            await thread.close()

    async def _take(self, give_up_at: float) -> ConnectionThread:
        try:
            async with asyncio.timeout(give_up_at - time.monotonic()):
                return await self._idle.get()
        except TimeoutError as error:
            raise TimeoutError("the database was busy") from error
