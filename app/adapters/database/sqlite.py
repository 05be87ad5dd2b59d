"""SQLite, the embedded database: one writer thread, readers beside it, every commit synced.

WAL with synchronous=FULL syncs the log before COMMIT returns (sqlite.org/wal.html), so a committed
row survives a crash of the process and of the machine. SQLite has one writer at a time anyway; one
thread that owns it is faster than many that fight over its lock.
"""

import itertools
import sqlite3
from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from app.adapters.database import sqlite_statements as sql
from app.adapters.database.connection_thread import ConnectionThread
from app.adapters.database.rows import row_to_version
from app.adapters.database.single_acts import SingleActs
from app.adapters.database.sqlite_transaction import SqliteTransaction, given
from app.domain.errors import RowsRefusedError, StorageUnavailableError
from app.usecases.ports import Alarm, AlertName
from app.usecases.records import PaymentVersion
from app.usecases.storage import Transaction

T = TypeVar("T")

READERS: Final = 2


class SqliteDatabase(SingleActs):
    """The database of one process, in one file."""

    _sql = sql

    def __init__(self, path: Path, alarm: Alarm) -> None:
        self._alarm = alarm
        self._writer = ConnectionThread(path, "sqlite-writer")
        self._readers = [ConnectionThread(path, f"sqlite-reader-{n}") for n in range(READERS)]
        self._next_reader = itertools.cycle(self._readers)

    async def close(self) -> None:
        """Finish what was begun, and let the file go."""
        for thread in (self._writer, *self._readers):
            await thread.close()

    async def write(self, act: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run `act` in the writer thread, in a transaction of its own.

        Raises:
            RowsRefusedError: a constraint or a type refused these rows; nothing was committed.
            StorageUnavailableError: the database cannot commit; nothing was committed.
        """
        try:
            try:
                return await self._writer.run(partial(_transact, act=act))
            except sqlite3.OperationalError as error:
                if getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_READONLY:
                    raise
                await self._reconnect()
                return await self._writer.run(partial(_transact, act=act))
        except (sqlite3.IntegrityError, sqlite3.DataError, OverflowError) as error:
            raise RowsRefusedError("The database refused a row. Please try again.") from error
        except sqlite3.Error as error:
            self._alarm(AlertName.STORAGE_UNAVAILABLE, str(error))
            raise StorageUnavailableError(
                "The database cannot be written to. Please try again."
            ) from error

    async def read(self, look: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run `look` in a reader thread, over one moment's committed rows.

        Raises:
            StorageUnavailableError: the database cannot be read.
        """
        try:
            return await next(self._next_reader).run(partial(_transact, act=look, begin="BEGIN"))
        except sqlite3.Error as error:
            raise _unreadable() from error

    async def versions(
        self, session_ids: Collection[str], checkout_ids: Collection[str]
    ) -> Sequence[PaymentVersion]:
        """How often the payments of these sessions and checkouts have changed."""
        rows = await self._read(
            sql.VERSIONS, given(session_ids), given(session_ids), given(checkout_ids)
        )
        return [row_to_version(row) for row in rows]

    async def _reconnect(self) -> None:
        """Let the file go altogether, and open it anew.

        A process's connections share how they opened the log: one of a time when it was read-only
        would keep all the others from writing ever again.
        """
        for thread in (self._writer, *self._readers):
            await thread.reconnect()

    async def _read(self, text: str, *parameters: object) -> list[Any]:
        reader = next(self._next_reader)
        try:
            return await reader.run(
                lambda connection: connection.execute(text, parameters).fetchall()
            )
        except sqlite3.Error as error:
            raise _unreadable() from error


def _unreadable() -> StorageUnavailableError:
    return StorageUnavailableError("The database cannot be read. Please try again.")


def _transact(
    connection: sqlite3.Connection,
    act: Callable[[Transaction], Awaitable[T]],
    begin: str = "BEGIN IMMEDIATE",
) -> T:
    connection.execute(begin)
    try:
        return _run_to_the_end(act(SqliteTransaction(connection)))
    finally:
        if connection.in_transaction:
            connection.rollback()


def _run_to_the_end(act: Awaitable[T]) -> T:
    """Drive a coroutine that never suspends, as no act over `SqliteTransaction` does.

    The use cases are written once, for databases that must be awaited and for this one.
    """
    try:
        cast("Coroutine[None, None, T]", act).send(None)
    except StopIteration as finished:
        return cast("T", finished.value)
    raise RuntimeError("an act on SQLite awaited something other than its transaction")
