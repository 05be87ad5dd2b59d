"""What PostgreSQL and its driver can raise, and what each means to us."""

from typing import Final

import asyncpg

from app.domain.errors import ActTooLargeError, RowsRefusedError, StorageUnavailableError

DRIVER_ERRORS: Final = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,  # refused, reset, no such host, TLS, and every timeout
    EOFError,
    BufferError,
)

# The act can be run anew at once: the server has undone it, and says that it was nobody's fault.
TRANSIENT_ERRORS: Final = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.InvalidCachedStatementError,  # the schema has changed under a statement we knew
    asyncpg.OutdatedSchemaCacheError,
)

# After a failover the old primary may live on as a standby: another connection finds the new one.
READ_ONLY_ERRORS: Final = (asyncpg.ReadOnlySQLTransactionError,)

# SQLSTATE's classes: data, constraints, and limits, such as that of an index entry's length.
_ROWS_REFUSED: Final = frozenset({"22", "23", "54"})


def are_rows_refused(error: BaseException) -> bool:
    """Whether the database works, and cannot take these very rows."""
    if isinstance(error, asyncpg.DataError):  # the driver's own, too, before anything is sent
        return True
    return isinstance(error, asyncpg.PostgresError) and _class_of(error) in _ROWS_REFUSED


def failure_of(error: BaseException, words: str) -> StorageUnavailableError:
    """Our error for the driver's.

    One of rows has no cause: PostgreSQL quotes the failing row, which has somebody's payload.
    """
    if are_rows_refused(error):
        reason = f"{type(error).__name__} {getattr(error, 'constraint_name', None) or ''}".strip()
        return RowsRefusedError("The database refused a row. Please try again.", reason=reason)
    kind = (
        ActTooLargeError
        if isinstance(error, asyncpg.OutOfMemoryError)  # 53200: for locks, mostly
        else StorageUnavailableError
    )
    failure = kind(words, reason=reason_of(error))
    failure.__cause__ = error
    return failure


def reason_of(error: BaseException) -> str:
    """For the operator: what happened, without the values that a server's DETAIL quotes."""
    if isinstance(error, asyncpg.PostgresError):
        return f"{error.sqlstate} {error.message}"
    return str(error) or ("no answer in time" if isinstance(error, TimeoutError) else repr(error))


def _class_of(error: asyncpg.PostgresError) -> str:
    return str(error.sqlstate or "")[:2]
