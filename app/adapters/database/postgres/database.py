"""PostgreSQL, for several replicas: a small pool, each operation in a transaction.

Every call ends within `ACT_TIMEOUT_S`, with the result or `StorageUnavailableError`. A connection
that failed is closed, so the first call after the server's return succeeds. Long reads, such as
lists, never use the last connections, so that no write or short read waits for them; they wait up
to `ACT_TIMEOUT_S` for each other first.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any, Final, TypeVar

from app.adapters.database import sql
from app.adapters.database.commit_mark import CommitMark
from app.adapters.database.postgres.connections import ACT_TIMEOUT_S, Connection, ConnectionPool
from app.adapters.database.postgres.errors import (
    DRIVER_ERRORS,
    READ_ONLY_ERRORS,
    TRANSIENT_ERRORS,
    failure_of,
    reason_of,
)
from app.adapters.database.postgres.statements import numbered
from app.adapters.database.postgres.transaction import TO_READ, TO_WRITE, PostgresTransaction
from app.adapters.database.rows import row_to_version
from app.adapters.database.stores import Stores
from app.adapters.database.transaction import SqlTransaction
from app.domain.errors import CommitInDoubtError, StorageUnavailableError, is_storage_down
from app.usecases.outbox import NOTHING_POSTED, Posting
from app.usecases.ports import Alarm, AlertName
from app.usecases.records import PaymentVersion

T = TypeVar("T")

POOL_SIZE: Final = 5
ATTEMPTS: Final = 4
KEPT_FROM_LONG_READS: Final = 2  # one for a batch of events, one for a page's status

_NOT_WRITTEN: Final = "The database cannot be written to. Please try again."
_NOT_READ: Final = "The database cannot be read. Please try again."


class PostgresDatabase(Stores):
    """One process's connections to a database that several may use."""

    def __init__(self, url: str, alarm: Alarm, *, pool_size: int = POOL_SIZE) -> None:
        super().__init__()
        self._alarm = alarm
        self._pool = ConnectionPool(url, pool_size)
        self._long_reads = asyncio.Semaphore(max(1, pool_size - KEPT_FROM_LONG_READS))

    async def close(self) -> None:
        """Wait for running operations, and close the connections."""
        await self._pool.close()

    async def write(self, act: Callable[[SqlTransaction], Awaitable[T]]) -> T:
        """Run `act` in a transaction; run it again if the server asks for that.

        Raises:
            RowsRefusedError: a constraint or a type refused these rows; nothing was committed.
            ActTooLargeError: the server has too little memory for it; nothing was committed.
            CommitInDoubtError: the connection broke, or gave no answer, during the commit.
            StorageUnavailableError: nothing was committed.
        """
        mark = CommitMark()
        try:
            with self._writability.watch():
                return await self._run(
                    lambda c: _transact(c, act, mark, posting=self.posting), _NOT_WRITTEN, mark
                )
        except StorageUnavailableError as error:
            if is_storage_down(error):
                self._alarm(AlertName.STORAGE_UNAVAILABLE, error.reason or error.detail)
            raise

    async def give_back_space(self) -> None:
        """Do nothing, because PostgreSQL does this automatically."""

    async def read(self, look: Callable[[SqlTransaction], Awaitable[T]]) -> T:
        """Run `look` over one snapshot of the committed rows.

        Raises:
            StorageUnavailableError: the database cannot be read.
        """
        return await self._run(lambda c: _transact(c, look, CommitMark(), TO_READ), _NOT_READ)

    async def read_long(self, look: Callable[[SqlTransaction], Awaitable[T]]) -> T:
        """Run `look` as `read` does, when few enough other long reads run.

        Raises:
            StorageUnavailableError: the database cannot be read, or others read it too long.
        """
        try:
            async with asyncio.timeout(ACT_TIMEOUT_S):
                await self._long_reads.acquire()
        except TimeoutError as error:
            raise StorageUnavailableError(_NOT_READ, reason="the database was busy") from error
        try:
            return await self.read(look)
        finally:
            self._long_reads.release()

    async def versions(
        self, session_ids: Collection[str], checkout_ids: Collection[str]
    ) -> Sequence[PaymentVersion]:
        """Return the versions of the payments of these sessions and checkouts."""
        asked = {"session_ids": list(session_ids), "checkout_ids": list(checkout_ids)}
        rows = await self._read(sql.VERSIONS, **asked)
        return [row_to_version(row) for row in rows]

    async def _read(self, text: str, **values: object) -> list[Any]:
        text, names = numbered(text)
        parameters = [values[name] for name in names]

        async def fetch(connection: Connection) -> list[Any]:
            if not connection.begin_with:
                return await connection.fetch(text, *parameters)
            transaction = PostgresTransaction(connection, CommitMark(), TO_READ)
            try:
                return await transaction.fetch(text, *parameters)
            finally:
                await _roll_back(connection)

        return await self._run(fetch, _NOT_READ)

    async def _run(
        self,
        work: Callable[[Connection], Awaitable[T]],
        message: str,
        mark: CommitMark | None = None,
    ) -> T:
        """Run `work` on a connection, within the time limit; `message` is the error's."""
        failure: StorageUnavailableError
        try:
            async with asyncio.timeout(ACT_TIMEOUT_S):
                return await self._try(work)
        except TimeoutError as error:
            self._pool.doubt()
            if mark and mark.is_sent:
                raise _in_doubt(error) from error
            failure = failure_of(error, message)
        except DRIVER_ERRORS as error:
            failure = failure_of(error, message)
        raise failure

    async def _try(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Run `work`; retry if nothing was committed and a retry may succeed."""
        attempts = 0
        while True:
            connection = await self._pool.take()
            attempts += 1
            try:
                return await work(connection)
            except DRIVER_ERRORS as error:
                if not self._is_worth_another_try(error, connection) or attempts == ATTEMPTS:
                    raise
            except asyncio.CancelledError:  # the caller has gone, or the time is over
                connection.terminate()
                raise
            finally:
                self._pool.give_back(connection)

    def _is_worth_another_try(self, error: Exception, connection: Connection) -> bool:
        if isinstance(error, READ_ONLY_ERRORS):
            connection.terminate()
        if connection.is_closed():  # perhaps long ago, when the server restarted
            self._pool.doubt()
            return True
        return isinstance(error, TRANSIENT_ERRORS)


async def _transact(
    connection: Connection,
    act: Callable[[SqlTransaction], Awaitable[T]],
    mark: CommitMark,
    begin: str = TO_WRITE,
    posting: Posting = NOTHING_POSTED,
) -> T:
    mark.is_sent = False  # it may be set by an attempt that the server rolled back
    try:
        result = await act(PostgresTransaction(connection, mark, begin, posting))
    except Exception as error:
        if mark.is_sent and connection.is_closed():
            raise _in_doubt(error) from error
        await _roll_back(connection)
        raise
    await _roll_back(connection)
    return result


def _in_doubt(error: Exception) -> CommitInDoubtError:
    return CommitInDoubtError(
        "The connection was lost during the commit. Please try again.",
        reason=f"lost during COMMIT: {reason_of(error)}",
    )


async def _roll_back(connection: Connection) -> None:
    """Leave the connection clean, or closed."""
    if connection.is_closed() or not connection.is_in_transaction():
        return
    try:
        await connection.execute("ROLLBACK")
    except DRIVER_ERRORS:
        connection.terminate()
