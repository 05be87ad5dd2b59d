"""Checks a PostgreSQL server for `doctor`: changes nothing, and proves that a commit works."""

import time
from dataclasses import dataclass
from typing import Final

from app.adapters.database.migrate import what_is_wrong
from app.adapters.database.postgres.connections import Connection, PooledConnection, connect
from app.adapters.database.postgres.schema import current_revision, run_apart

OLDEST_VERSION: Final = 14  # the oldest that the driver and the PostgreSQL project still support

_STATE: Final = """
    SELECT current_setting('server_version') AS version,
           current_setting('server_version_num')::int / 10000 AS major_version,
           current_setting('fsync') = 'on' AND current_setting('synchronous_commit') <> 'off'
               AS is_durable,
           extract(epoch FROM clock_timestamp())::float AS clock_s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkup:
    """The result."""

    server_version: str
    is_supported: bool
    is_durable: bool
    skew_s: float
    wrong_schema: str | None


def check_up(url: str) -> Checkup:
    """Connect, check, and commit a transaction that writes only its commit record.

    Raises:
        DRIVER_ERRORS: one of these failed.
    """
    return run_apart(_check_up(url))


async def _check_up(url: str) -> Checkup:
    connection = await connect(url, PooledConnection)
    try:
        async with connection.transaction():
            state = await connection.fetchrow(_STATE)
            assert state is not None  # noqa: S101 a SELECT without FROM has one row
            skew_s = state["clock_s"] - time.time()
            revision = await current_revision(connection)
        await _commit(connection)
        return Checkup(
            server_version=state["version"].split()[0],
            is_supported=state["major_version"] >= OLDEST_VERSION,
            is_durable=state["is_durable"],
            skew_s=skew_s,
            wrong_schema=what_is_wrong(revision),
        )
    finally:
        connection.terminate()


async def _commit(connection: Connection) -> None:
    """Commit a transaction with an id, which is written to the log and flushed like any other."""
    async with connection.transaction():
        await connection.execute("SELECT pg_current_xact_id()")
