"""SQLite, the embedded database: one writer thread, reader threads, every commit synced.

Long reads, such as lists, have a thread of their own, so that no short one waits for them.

WAL with synchronous=FULL syncs the log before COMMIT returns (sqlite.org/wal.html), so a committed
row survives a crash of the process and of the machine. SQLite has one writer at a time anyway; one
thread that owns it is faster than many that compete for its lock.
"""

import asyncio
import contextlib
import math
import sqlite3
import time
from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from app.adapters.database import sql
from app.adapters.database.commit_mark import CommitMark
from app.adapters.database.rows import row_to_version
from app.adapters.database.sqlite.connection_thread import LOG_BYTES_MAX, ConnectionThread
from app.adapters.database.sqlite.readers import Readers
from app.adapters.database.sqlite.statements import in_sqlite
from app.adapters.database.sqlite.transaction import SqliteTransaction, bound
from app.adapters.database.stores import Stores
from app.adapters.database.transaction import SqlTransaction
from app.domain.errors import CommitInDoubtError, RowsRefusedError, StorageUnavailableError
from app.usecases.ports import Alarm, AlertName
from app.usecases.records import PaymentVersion

T = TypeVar("T")

READERS: Final = 2
# For an operation's queue, lock and work together, as for PostgreSQL; ends before the inbox's 8 s.
ACT_TIMEOUT_S: Final = 3.5
GRACE_S: Final = 0.5  # in which the thread can still report the reason
LOCK_STEP_S: Final = 0.5


class SqliteDatabase(Stores):
    """One process's database, in one file."""

    def __init__(self, path: Path, alarm: Alarm, *, act_timeout_s: float = ACT_TIMEOUT_S) -> None:
        super().__init__()
        self._act_timeout_s = act_timeout_s
        self._alarm = alarm
        self._log = path.with_name(f"{path.name}-wal")
        self._writer = ConnectionThread(path, "sqlite-writer")
        self._readers = Readers(
            [ConnectionThread(path, f"sqlite-reader-{n}") for n in range(READERS)]
        )
        self._long_readers = Readers([ConnectionThread(path, "sqlite-long-reader")])
        self._log_cutter = ConnectionThread(path, "sqlite-log")

    async def close(self) -> None:
        """Wait for running work, and close the file."""
        for threads in (self._log_cutter, self._writer, self._readers, self._long_readers):
            await threads.close()

    async def write(self, act: Callable[[SqlTransaction], Awaitable[T]]) -> T:
        """Run `act` in the writer thread, in a transaction.

        Raises:
            RowsRefusedError: a constraint or a type refused these rows; nothing was committed.
            CommitInDoubtError: the disk did not answer in time; the outcome is unknown.
            StorageUnavailableError: the database cannot commit; nothing was committed.
        """
        mark = CommitMark()
        with self._writability.watch():
            try:
                async with asyncio.timeout(self._act_timeout_s + GRACE_S):
                    return await self._write(act, mark)
            except (sqlite3.IntegrityError, sqlite3.DataError, OverflowError) as error:
                raise RowsRefusedError("The database refused a row. Please try again.") from error
            except (sqlite3.Error, TimeoutError) as error:
                reason = str(error) or "no answer in time"
                self._alarm(AlertName.STORAGE_UNAVAILABLE, reason)
                is_in_doubt = mark.is_sent and isinstance(error, TimeoutError)
                kind = CommitInDoubtError if is_in_doubt else StorageUnavailableError
                message = "The database cannot be written to. Please try again."
                raise kind(message, reason=reason) from error

    async def read(self, look: Callable[[SqlTransaction], Awaitable[T]]) -> T:
        """Run `look` in a reader thread, over the committed rows of one moment.

        Raises:
            StorageUnavailableError: the database cannot be read.
        """
        return await self._read_in(look, self._readers)

    async def read_long(self, look: Callable[[SqlTransaction], Awaitable[T]]) -> T:
        """Run `look` as `read` does, in the one thread for long reads.

        Raises:
            StorageUnavailableError: the database cannot be read, or others read it too long.
        """
        return await self._read_in(look, self._long_readers)

    async def versions(
        self, session_ids: Collection[str], checkout_ids: Collection[str]
    ) -> Sequence[PaymentVersion]:
        """Return the versions of the payments of these sessions and checkouts."""
        rows = await self._read(sql.VERSIONS, session_ids=session_ids, checkout_ids=checkout_ids)
        return [row_to_version(row) for row in rows]

    async def give_back_space(self) -> None:
        """Truncate a log that grew during a long read, unless it is being read now."""
        if not await asyncio.to_thread(_is_larger, self._log, LOG_BYTES_MAX):
            return
        with contextlib.suppress(sqlite3.Error):
            await self._log_cutter.run(_cut_log, give_up_at=math.inf)
            await self._log_cutter.reconnect()

    async def _write(self, act: Callable[[SqlTransaction], Awaitable[T]], mark: CommitMark) -> T:
        give_up_at = time.monotonic() + self._act_timeout_s

        def transact(connection: sqlite3.Connection) -> T:
            _wait_for_locks_until(give_up_at, connection)
            transaction = SqliteTransaction(
                connection, mark, give_up_at=give_up_at, posting=self.posting
            )
            return _transact(connection, transaction, act, "BEGIN IMMEDIATE")

        try:
            return await self._writer.run(transact, give_up_at=give_up_at)
        except sqlite3.OperationalError as error:
            if getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_READONLY:
                raise
            await self._reconnect()
            return await self._writer.run(transact, give_up_at=give_up_at)

    async def _reconnect(self) -> None:
        """Close the file, and open it again.

        A process's connections share how they opened the log. One that was opened while it was
        read-only would prevent all others from writing.
        """
        for threads in (self._writer, self._readers, self._long_readers):
            await threads.reconnect()

    async def _read_in(self, look: Callable[[SqlTransaction], Awaitable[T]], readers: Readers) -> T:
        def transact(connection: sqlite3.Connection, give_up_at: float) -> T:
            transaction = SqliteTransaction(connection, CommitMark(), give_up_at=give_up_at)
            return _transact(connection, transaction, look, "BEGIN")

        return await self._in_a_reader(transact, readers)

    async def _read(self, text: str, **values: object) -> list[Any]:
        return await self._in_a_reader(
            lambda connection, _: connection.execute(in_sqlite(text), bound(values)).fetchall(),
            self._readers,
        )

    async def _in_a_reader(
        self, look: Callable[[sqlite3.Connection, float], T], readers: Readers
    ) -> T:
        """Run `look` with the time at which it must end."""
        give_up_at = time.monotonic() + self._act_timeout_s
        try:
            async with asyncio.timeout(self._act_timeout_s + GRACE_S):
                return await readers.read(
                    lambda connection: look(connection, give_up_at), give_up_at=give_up_at
                )
        except (sqlite3.Error, TimeoutError) as error:
            raise StorageUnavailableError(
                "The database cannot be read. Please try again.",
                reason=str(error) or "no answer in time",
            ) from error


def _transact(
    connection: sqlite3.Connection,
    transaction: SqliteTransaction,
    act: Callable[[SqlTransaction], Awaitable[T]],
    begin: str,
) -> T:
    connection.execute(begin)
    try:
        return _run_to_the_end(act(transaction))
    finally:
        if connection.in_transaction:
            connection.rollback()


def _wait_for_locks_until(give_up_at: float, connection: sqlite3.Connection) -> None:
    """Round to steps, so that the driver's statement cache can hold these few statements."""
    steps = max(0, int((give_up_at - time.monotonic()) / LOCK_STEP_S))
    connection.execute(f"PRAGMA busy_timeout = {int(steps * LOCK_STEP_S * 1000)}")


def _is_larger(file: Path, size_bytes: int) -> bool:
    try:
        return file.stat().st_size > size_bytes
    except OSError:
        return False


def _cut_log(connection: sqlite3.Connection) -> None:
    """Copy the log into the file, then truncate it, which stops writers for a moment.

    If another connection reads or writes at that moment, SQLite does not truncate the log
    (sqlite.org/pragma.html#pragma_wal_checkpoint).
    """
    connection.execute("PRAGMA busy_timeout = 0")
    for kind in ("PASSIVE", "TRUNCATE"):
        connection.execute(f"PRAGMA wal_checkpoint({kind})").fetchall()


def _run_to_the_end(act: Awaitable[T]) -> T:
    """Run a coroutine that never suspends, as operations over `SqliteTransaction` don't.

    So the use cases are written once, for databases that must be awaited and for this one.
    """
    try:
        cast("Coroutine[None, None, T]", act).send(None)
    except StopIteration as finished:
        return cast("T", finished.value)
    raise RuntimeError("an operation on SQLite awaited something other than its transaction")
