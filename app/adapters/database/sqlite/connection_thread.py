"""A thread with its own SQLite connection."""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from app.adapters.database.private_file import create_private

T = TypeVar("T")

BUSY_TIMEOUT_S: Final = 5.0  # another process may hold the lock: a backup, a migration, a command
_LOCK_POLL_S: Final = 0.02
# A look at the clock needs the interpreter's lock, so it must be rare: each few milliseconds.
STEPS_BETWEEN_LOOKS: Final = 20_000
# The log grows during a long read, such as a backup. When it starts over, it is cut to this size.
LOG_BYTES_MAX: Final = 8 * 1024 * 1024


class ConnectionThread:
    """Runs work on its connection, one piece at a time.

    The connection is opened on first use, and opened again after an error.
    """

    def __init__(self, path: Path, name: str) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(1, name)
        self._connection: sqlite3.Connection | None = None

    async def run(self, work: Callable[[sqlite3.Connection], T], *, give_up_at: float) -> T:
        """Run `work`, and return its result.

        Raises:
            sqlite3.Error: from the driver or `work`.
            TimeoutError: it had not started by `give_up_at`, by the monotonic clock.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._run, work, give_up_at)

    async def read(self, look: Callable[[sqlite3.Connection], T], *, give_up_at: float) -> T:
        """Run `look` as `run` does; its statement is interrupted when it is `give_up_at`.

        Otherwise a read that nobody waits for any more would keep the thread from all others.
        """

        def bounded(connection: sqlite3.Connection) -> T:
            connection.set_progress_handler(
                lambda: time.monotonic() >= give_up_at, STEPS_BETWEEN_LOOKS
            )
            return look(connection)

        return await self.run(bounded, give_up_at=give_up_at)

    async def reconnect(self) -> None:
        """Close the connection after earlier work; later work opens a new one."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._drop)

    async def close(self) -> None:
        """Wait for running work, and close the file."""
        await self.reconnect()
        await asyncio.to_thread(self._thread.shutdown)

    def _run(self, work: Callable[[sqlite3.Connection], T], give_up_at: float) -> T:
        if time.monotonic() >= give_up_at:
            raise TimeoutError("the database was busy")
        try:
            if self._connection is None:
                self._connection = connect(self._path)
                self._connection.row_factory = sqlite3.Row  # rows are read by column name
            return work(self._connection)
        except sqlite3.OperationalError:
            self._drop()
            raise

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def connect(path: Path, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> sqlite3.Connection:
    """Open a connection with the settings for durability; transactions are started explicitly.

    A statement waits for `busy_timeout_s` if another process holds the lock.

    Raises:
        sqlite3.Error: the file cannot be opened, or WAL mode cannot be set.
    """
    create_private(path)
    connection = sqlite3.connect(path, timeout=busy_timeout_s, isolation_level=None)
    try:
        _use_wal(connection)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"PRAGMA journal_size_limit = {LOG_BYTES_MAX}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _use_wal(connection: sqlite3.Connection) -> None:
    """Wait while another process creates the file, because this pragma has no busy timeout."""
    give_up_at = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            is_busy = error.sqlite_errorcode == sqlite3.SQLITE_BUSY
            if not is_busy or time.monotonic() >= give_up_at:
                raise
            time.sleep(_LOCK_POLL_S)
        else:
            return
