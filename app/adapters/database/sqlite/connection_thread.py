"""A thread, and the SQLite connection that it alone uses."""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from app.adapters.database.private_file import create_private

T = TypeVar("T")

BUSY_TIMEOUT_S: Final = 5.0  # another process may hold the lock: a backup, a migration, the CLI
_LOCK_POLL_S: Final = 0.02
# A long reader, such as a backup, lets the log grow. The next log that starts over is cut to this.
LOG_BYTES_MAX: Final = 8 * 1024 * 1024


class ConnectionThread:
    """Runs work on its connection, one piece after the other.

    The connection is opened late, and after an error it is not trusted again but opened anew.
    """

    def __init__(self, path: Path, name: str) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(1, name)
        self._connection: sqlite3.Connection | None = None

    async def run(self, work: Callable[[sqlite3.Connection], T], *, give_up_at: float) -> T:
        """What `work` returns.

        Raises:
            sqlite3.Error: as the driver does, or as `work` lets it through.
            TimeoutError: its turn had not come by `give_up_at`, of the monotonic clock.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._run, work, give_up_at)

    async def reconnect(self) -> None:
        """Drop the connection once the work before this is done; the next work opens another."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._drop)

    async def close(self) -> None:
        """Finish what was begun, and let the file go."""
        await self.reconnect()
        await asyncio.to_thread(self._thread.shutdown)

    def _run(self, work: Callable[[sqlite3.Connection], T], give_up_at: float) -> T:
        if time.monotonic() >= give_up_at:
            raise TimeoutError("others kept the database busy")
        try:
            if self._connection is None:
                self._connection = connect(self._path)
                self._connection.row_factory = sqlite3.Row  # read by a column's name
            return work(self._connection)
        except sqlite3.OperationalError:
            self._drop()
            raise

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def connect(path: Path) -> sqlite3.Connection:
    """A connection with the settings that durability rests on; transactions are begun by hand.

    Raises:
        sqlite3.Error: the file cannot be opened, or not be put into WAL mode.
    """
    create_private(path)
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
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
    """Wait for whoever makes the file at this moment: this one pragma has no busy timeout."""
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
