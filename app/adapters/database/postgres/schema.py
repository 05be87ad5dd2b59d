"""PostgreSQL's schema: its revision, whether we may use it, and its migration.

Several replicas share it, so none of them changes it at the start. An operator migrates it once,
then they start. `upgrade` does the work, in a separate process.
"""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from app.adapters.database.migrate import (
    SCHEMA_REVISION,
    MigrationError,
    refuse_newer,
    upgrade_in_a_child,
    what_is_wrong,
)
from app.adapters.database.postgres.connections import Connection, PooledConnection, connect
from app.adapters.database.postgres.errors import DRIVER_ERRORS, reason_of

T = TypeVar("T")


def migrate_postgres(url: str, *, name: str) -> None:
    """Create or upgrade the schema; `name` is the database's name, without the password.

    Raises:
        MigrationError: it cannot be reached or changed, or is from a later version.
    """
    before = revision_of(url, name=name)
    refuse_newer(before, name=f"the database {name}")
    if before != SCHEMA_REVISION:
        upgrade_in_a_child("-", name=f"the database {name}", standard_input=url)


def require_current_schema(url: str, *, name: str) -> None:
    """Refuse a schema of another version.

    Raises:
        MigrationError: it is missing, behind or ahead, or cannot be read.
    """
    message = what_is_wrong(revision_of(url, name=name))
    if message:
        raise MigrationError(f"the database {name} {message}")


def revision_of(url: str, *, name: str) -> str | None:
    """Return the schema's revision; None if there is none.

    Raises:
        MigrationError: the database cannot be reached or read.
    """
    try:
        return run_apart(_revision_of(url))
    except DRIVER_ERRORS as error:
        raise MigrationError(
            f"the database {name} cannot be reached ({reason_of(error)}): "
            "check DATABASE_URL, and that the server is running and accepts this user"
        ) from error


def run_apart(work: Coroutine[Any, Any, T]) -> T:
    """Run in a thread, because a server that imports the application has a running loop."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


async def current_revision(connection: Connection) -> str | None:
    """Read the schema's revision; None for a database without one."""
    if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
        return None
    revision: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
    return revision


async def _revision_of(url: str) -> str | None:
    connection = await connect(url, PooledConnection)
    try:
        async with connection.transaction():
            return await current_revision(connection)
    finally:
        connection.terminate()
