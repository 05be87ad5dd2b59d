"""The errors of PostgreSQL and its driver, and how we treat them."""

from typing import Final

import asyncpg

from app.domain.errors import ActTooLargeError, RowsRefusedError, StorageUnavailableError

DRIVER_ERRORS: Final = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,  # refused, reset, unknown host, TLS, and every timeout
    EOFError,
    BufferError,
)

# The operation can be retried at once, because the server rolled it back for internal reasons.
TRANSIENT_ERRORS: Final = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.InvalidCachedStatementError,  # the schema changed under a prepared statement
    asyncpg.OutdatedSchemaCacheError,
)

# After a failover the old primary may be a standby; another connection finds the new one.
READ_ONLY_ERRORS: Final = (asyncpg.ReadOnlySQLTransactionError,)

# SQLSTATE classes: data, constraints, and limits such as the length of an index entry.
_ROWS_REFUSED: Final = frozenset({"22", "23", "54"})


def are_rows_refused(error: BaseException) -> bool:
    """Return whether the database works, but refuses these rows."""
    if isinstance(error, asyncpg.DataError):  # also the driver's own, before anything is sent
        return True
    return isinstance(error, asyncpg.PostgresError) and _class_of(error) in _ROWS_REFUSED


def failure_of(error: BaseException, message: str) -> StorageUnavailableError:
    """Return our error for the driver's.

    A refused row has no cause, because PostgreSQL quotes the row, which contains personal data.
    """
    if are_rows_refused(error):
        reason = f"{type(error).__name__} {getattr(error, 'constraint_name', None) or ''}".strip()
        return RowsRefusedError("The database refused a row. Please try again.", reason=reason)
    kind = (
        ActTooLargeError
        if isinstance(error, asyncpg.OutOfMemoryError)  # 53200: usually for locks
        else StorageUnavailableError
    )
    failure = kind(message, reason=reason_of(error))
    failure.__cause__ = error
    return failure


def reason_of(error: BaseException) -> str:
    """Return what happened, for the operator, without the values in a server's DETAIL."""
    if isinstance(error, asyncpg.PostgresError):
        return f"{error.sqlstate} {error.message}"
    return str(error) or ("no answer in time" if isinstance(error, TimeoutError) else repr(error))


def _class_of(error: asyncpg.PostgresError) -> str:
    return str(error.sqlstate or "")[:2]
