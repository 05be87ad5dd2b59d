"""One PostgreSQL database that tests use in turn, because creating one takes longer than a test.

Each test finds it like new: no rows, and the current schema, unchanged.
"""

import asyncio
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import asyncpg

from app.adapters.database.schema import metadata
from tests.support.postgres_server import Cluster

T = TypeVar("T")

_HANG_UP: Final = """
    SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend'
        AND pid <> pg_backend_pid()
"""
# Every change of the schema rewrites rows of these, even a change that is reverted.
_SCHEMA: Final = """
    SELECT array_agg(written ORDER BY written)::text FROM (
        SELECT oid || ' ' || xmin FROM pg_class WHERE relnamespace = 'public'::regnamespace
        UNION ALL SELECT oid || ' ' || xmin FROM pg_proc WHERE pronamespace = 'public'::regnamespace
        UNION ALL SELECT oid || ' ' || xmin FROM pg_trigger
        UNION ALL SELECT conrelid || ' ' || xmin FROM pg_constraint
        UNION ALL SELECT setdatabase || ' ' || xmin FROM pg_db_role_setting
        UNION ALL SELECT version_num || ' ' || xmin FROM public.alembic_version
    ) AS catalog (written)
"""
_FORGET: Final = ";".join(
    f"DELETE FROM {table}"  # noqa: S608 our own tables
    for table in reversed(metadata.sorted_tables)
)


@dataclass(slots=True)
class ReusedDatabase:
    """One database with the current schema and no rows; created again if its schema changed."""

    cluster: Cluster
    template: str
    name: str
    _made: ExitStack = field(default_factory=ExitStack)
    _url: str | None = None
    _cleaner: "_Cleaner | None" = None

    @contextmanager
    def in_use(self) -> Iterator[str]:
        """Yield its URL; then delete its rows, or the whole database if its schema changed."""
        if self._url is None or self._cleaner is None:
            self._url = self._made.enter_context(
                self.cluster.database(self.name, template=self.template)
            )
            self._cleaner = self._made.enter_context(closing(_Cleaner(self._url)))
        try:
            yield self._url
        finally:
            if not self._cleaner.makes_it_as_new():
                self.drop()

    def drop(self) -> None:
        """Drop the database; the next use creates it again."""
        self._url = self._cleaner = None
        self._made.close()


class _Cleaner:
    """Deletes the rows over one connection: a new one costs the server more than the rest."""

    def __init__(self, url: str) -> None:
        # A thread of its own, because a test's loop may be running here.
        self._thread, self._runner = ThreadPoolExecutor(1), asyncio.Runner()
        self._connection = self._run(_connect(url))
        self._schema = self._run(_schema_of(self._connection))

    def makes_it_as_new(self) -> bool:
        """Delete its rows; return whether its schema is unchanged."""
        return self._run(_is_as_new(self._connection, self._schema))

    def close(self) -> None:
        """Close the connection."""
        self._run(self._connection.close())
        self._thread.submit(self._runner.close).result()
        self._thread.shutdown()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._thread.submit(self._runner.run, work).result()


async def _connect(url: str) -> "asyncpg.Connection[asyncpg.Record]":
    return await asyncpg.connect(url)


async def _schema_of(connection: "asyncpg.Connection[asyncpg.Record]") -> str:
    return str(await connection.fetchval(_SCHEMA))


async def _is_as_new(connection: "asyncpg.Connection[asyncpg.Record]", schema: str) -> bool:
    try:
        await connection.execute(_HANG_UP)
        if await _schema_of(connection) != schema:
            return False
        await connection.execute(_FORGET)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        return False  # a table is missing, a test's trigger prevents it, or a test hung up
    return True
