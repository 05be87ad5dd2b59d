"""One PostgreSQL database that tests use in turn, because creating one takes longer than a test.

Each test finds it like new: no rows, and the current schema, unchanged.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Final

import asyncpg

from app.adapters.database.schema import metadata
from tests.support.postgres_server import Cluster, run_apart

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
    _schema: str = ""

    @contextmanager
    def in_use(self) -> Iterator[str]:
        """Yield its URL; then delete its rows, or the whole database if its schema changed."""
        if self._url is None:
            self._url = self._made.enter_context(
                self.cluster.database(self.name, template=self.template)
            )
            self._schema = run_apart(_schema_of(self._url))
        try:
            yield self._url
        finally:
            if not run_apart(_is_as_new(self._url, self._schema)):
                self.drop()

    def drop(self) -> None:
        """Drop the database; the next use creates it again."""
        self._url = None
        self._made.close()


async def _schema_of(url: str) -> str:
    connection = await asyncpg.connect(url)
    try:
        return str(await connection.fetchval(_SCHEMA))
    finally:
        await connection.close()


async def _is_as_new(url: str, schema: str) -> bool:
    """Delete its rows; return whether its schema is unchanged."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(_HANG_UP)
        if await connection.fetchval(_SCHEMA) != schema:
            return False
        await connection.execute(_FORGET)
    except asyncpg.PostgresError:  # a table is missing, or a test's trigger prevents it
        return False
    else:
        return True
    finally:
        await connection.close()
