"""PostgreSQL's schema: who may change it, who refuses it, and that it is as written down."""

import asyncio
import subprocess
import sys
from typing import Any

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from app.adapters.database.migrate import SCHEMA_REVISION, MigrationError
from app.adapters.database.postgres.schema import (
    migrate_postgres,
    require_current_schema,
    revision_of,
)
from app.adapters.database.postgres.transaction import LOCKS_OF_THE_SERVICE, MIGRATION_LOCK
from app.adapters.database.schema import metadata
from tests.support.builders import DEADLINE_S
from tests.support.postgres_server import fetch, run_apart
from tests.support.wire import closed_port

NAME = "postgresql://shop@db/checkout"
MIGRATE = (
    "import sys; from app.adapters.database.postgres.schema import migrate_postgres;"
    " url = sys.stdin.readline().strip(); print('ready', flush=True); sys.stdin.readline();"
    " migrate_postgres(url, name='db')"
)


CONSTRAINTS = """
    SELECT conname, contype AS kind, pg_get_constraintdef(pg_constraint.oid) AS text
    FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid
    WHERE relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'
      AND contype <> 'n'
    ORDER BY conname
"""
INDEXES = """
    SELECT indexdef FROM pg_indexes
    WHERE schemaname = 'public' AND tablename <> 'alembic_version' ORDER BY 1
"""
COLUMNS = """
    SELECT relname, attname, format_type(atttypid, atttypmod) AS type, attnotnull, collname
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    LEFT JOIN pg_collation ON pg_collation.oid = attcollation
    WHERE attnum > 0 AND relkind = 'r'
      AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'
    ORDER BY 1, 2
"""


def rows_of(url: str, sql: str, *parameters: object) -> list[dict[str, Any]]:
    return run_apart(fetch(url, sql, *parameters))


def set_revision(url: str, revision: str) -> None:
    rows_of(url, "UPDATE alembic_version SET version_num = $1", revision)


# --- who refuses it


def test_a_schema_that_is_current_is_served(postgres_url: str) -> None:
    require_current_schema(postgres_url, name=NAME)


@pytest.mark.parametrize(
    ("revision", "words"),
    [
        ("0001", rf"is at revision 0001, and {SCHEMA_REVISION} .*altan-checkout migrate"),
        ("9999", r"is at revision 9999, made by a newer version .*install that version"),
    ],
)
def test_a_schema_that_is_behind_or_ahead_is_not_served(
    postgres_url: str, revision: str, words: str
) -> None:
    set_revision(postgres_url, revision)

    with pytest.raises(MigrationError, match=words) as refused:
        require_current_schema(postgres_url, name=NAME)

    assert NAME in str(refused.value)


def test_a_database_without_tables_is_not_served_and_stays_empty(empty_postgres_url: str) -> None:
    with pytest.raises(MigrationError, match=r"is empty: run altan-checkout migrate"):
        require_current_schema(empty_postgres_url, name=NAME)

    assert revision_of(empty_postgres_url, name=NAME) is None


def test_a_revision_table_without_a_row_is_no_revision(postgres_url: str) -> None:
    rows_of(postgres_url, "DELETE FROM alembic_version")

    assert revision_of(postgres_url, name=NAME) is None


async def test_the_schema_is_looked_at_while_a_loop_runs(postgres_url: str) -> None:
    """As where uvicorn imports `app.main`."""
    require_current_schema(postgres_url, name=NAME)


@pytest.mark.parametrize("act", [migrate_postgres, require_current_schema])
def test_an_unreachable_server_is_reported_without_the_password(act: Any) -> None:  # noqa: ANN401 either
    url = f"postgresql://shop:hunter2@127.0.0.1:{closed_port()}/checkout"

    with pytest.raises(MigrationError, match="cannot be reached") as refused:
        act(url, name=NAME)

    assert "hunter2" not in str(refused.value)


# --- who changes it


def test_an_empty_database_gets_the_newest_revision_and_keeps_it(empty_postgres_url: str) -> None:
    migrate_postgres(empty_postgres_url, name=NAME)
    rows_of(empty_postgres_url, "INSERT INTO heartbeat VALUES (1, 7)")
    migrate_postgres(empty_postgres_url, name=NAME)

    assert revision_of(empty_postgres_url, name=NAME) == SCHEMA_REVISION
    assert rows_of(empty_postgres_url, "SELECT at_ms FROM heartbeat") == [{"at_ms": 7}]


def test_a_schema_of_a_later_program_is_not_changed(postgres_url: str) -> None:
    set_revision(postgres_url, "9999")

    with pytest.raises(MigrationError, match=r"9999.*install that version"):
        migrate_postgres(postgres_url, name=NAME)

    assert revision_of(postgres_url, name=NAME) == "9999"


def test_tables_of_somebody_else_are_refused_and_nothing_half_done_stays(
    empty_postgres_url: str,
) -> None:
    rows_of(empty_postgres_url, "CREATE TABLE payments (id int)")

    with pytest.raises(MigrationError, match='"payments" already exists'):
        migrate_postgres(empty_postgres_url, name=NAME)

    tables = rows_of(
        empty_postgres_url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    )
    assert tables == [{"tablename": "payments"}]


def test_two_operators_at_once_migrate_once(empty_postgres_url: str) -> None:
    processes = [
        subprocess.Popen(  # noqa: S603 our own program
            [sys.executable, "-c", MIGRATE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{empty_postgres_url}\n")
        process.stdin.flush()
        assert process.stdout.readline() == "ready\n"

    for process in processes:  # neither has begun: each waits for this line
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    endings = [process.communicate(timeout=3 * DEADLINE_S) for process in processes]

    assert [(process.returncode, err) for process, (_, err) in zip(processes, endings, strict=True)]
    assert [err for _, err in endings] == ["", ""]
    assert rows_of(empty_postgres_url, "SELECT version_num FROM alembic_version") == [
        {"version_num": SCHEMA_REVISION}
    ]


async def test_who_comes_second_waits_for_the_first(empty_postgres_url: str) -> None:
    first = await asyncpg.connect(empty_postgres_url)
    await first.execute(f"SELECT pg_advisory_lock({LOCKS_OF_THE_SERVICE}, {MIGRATION_LOCK})")
    second = asyncio.create_task(asyncio.to_thread(migrate_postgres, empty_postgres_url, name=NAME))
    waiting = "SELECT 1 AS row FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    async with asyncio.timeout(DEADLINE_S):
        while not await first.fetch(waiting):  # noqa: ASYNC110 no event tells of a lock
            await asyncio.sleep(0.02)
    assert not second.done()

    await first.close()
    await second

    assert await asyncio.to_thread(revision_of, empty_postgres_url, name=NAME) == SCHEMA_REVISION


# --- that it is the one written down


def compared(connection: Connection) -> list[Any]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    differences: list[Any] = compare_metadata(context, metadata)
    return differences


async def test_the_migrated_schema_is_the_one_that_is_written_down(
    postgres_url: str, empty_postgres_url: str
) -> None:
    """Alembic compares neither CHECK constraints nor collations, so the catalog is compared."""
    migrated = engine_of(postgres_url)
    async with migrated.connect() as connection:
        assert await connection.run_sync(compared) == []
    written_down = engine_of(empty_postgres_url)
    async with written_down.begin() as connection:
        await connection.run_sync(MetaData.create_all.__get__(metadata))

    for question in (CONSTRAINTS, INDEXES, COLUMNS):
        expected = await fetch(empty_postgres_url, question)
        assert await fetch(postgres_url, question) == expected
        assert len(expected) > 10
    assert sum(row["kind"] == b"c" for row in await fetch(postgres_url, CONSTRAINTS)) == 33


def engine_of(url: str) -> Any:  # noqa: ANN401 SQLAlchemy's
    async def connect() -> object:
        return await asyncpg.connect(url)

    return create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)


async def test_ids_compare_by_their_bytes_in_every_database(postgres_url: str) -> None:
    columns = await fetch(postgres_url, COLUMNS)

    ids = {
        (row["relname"], row["attname"]): row["collname"]
        for row in columns
        if row["type"] == "text" and row["attname"].endswith(("id", "digest"))
    }
    del ids["checkouts", "client_reference_id"], ids["payments", "client_reference_id"]
    del ids["checkouts", "key_digest"]  # never searched for
    assert len(ids) == 26
    assert set(ids.values()) == {"C"}


async def test_payloads_are_compressed_by_the_quick_method_where_the_server_has_it(
    postgres_url: str,
) -> None:
    (server,) = await fetch(
        postgres_url,
        "SELECT 'lz4' = ANY(enumvals) AS has_lz4 FROM pg_settings"
        " WHERE name = 'default_toast_compression'",
    )
    (column,) = await fetch(
        postgres_url,
        "SELECT attcompression = 'l' AS is_lz4 FROM pg_attribute"
        " WHERE attrelid = 'events'::regclass AND attname = 'payload'",
    )

    assert column["is_lz4"] == server["has_lz4"]
