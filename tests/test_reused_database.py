"""A reused database is like new for each test."""

import os
from collections.abc import Iterator
from contextlib import suppress

import asyncpg
import pytest

from app.adapters.database.schema import metadata
from tests.support.postgres_server import Cluster, fetch, run_apart
from tests.support.reused_database import ReusedDatabase

ADD_ROW = "INSERT INTO heartbeat VALUES (1, 7)"
FUNCTION = "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'"
TRIGGER = "CREATE TRIGGER t BEFORE DELETE ON events FOR EACH ROW EXECUTE FUNCTION f()"


@pytest.fixture
def reused(postgres_cluster: Cluster, postgres_template: str) -> Iterator[ReusedDatabase]:
    reused = ReusedDatabase(postgres_cluster, postgres_template, f"altan_reused_{os.getpid()}_2")
    yield reused
    reused.drop()


def use(reused: ReusedDatabase, *statements: str) -> list[dict[str, object]]:
    """Run these statements in it; returns which database it was."""
    with reused.in_use() as url:
        for statement in statements:
            run_apart(fetch(url, statement))
        which = "SELECT oid FROM pg_database WHERE datname = current_database()"
        return run_apart(fetch(url, which))


def rows_in(reused: ReusedDatabase) -> int:
    with reused.in_use() as url:
        counts = [
            run_apart(fetch(url, f"SELECT count(*) FROM {table}"))[0]["count"]  # noqa: S608 ours
            for table in metadata.tables
        ]
    return sum(counts)


def test_rows_are_deleted_and_the_database_is_the_same(reused: ReusedDatabase) -> None:
    first = use(reused, ADD_ROW)

    assert rows_in(reused) == 0
    assert use(reused) == first


@pytest.mark.parametrize(
    "statements",
    [
        ["ALTER TABLE checkouts RENAME TO elsewhere"],
        ["ALTER TABLE events RENAME TO old", "ALTER TABLE old RENAME TO events"],
        ["ALTER TABLE payments ADD CHECK (version > 7)"],
        ["ALTER TABLE payments ALTER COLUMN version TYPE numeric"],
        ["DROP TABLE event_mentions"],
        ["CREATE TABLE held (id int)"],
        [FUNCTION],
        [FUNCTION, TRIGGER, ADD_ROW],
        [FUNCTION, TRIGGER, "DROP FUNCTION f CASCADE"],
        ["UPDATE alembic_version SET version_num = '9999'"],
        ["DROP TABLE alembic_version"],
    ],
)
def test_a_database_whose_schema_was_changed_is_created_again(
    reused: ReusedDatabase, statements: list[str]
) -> None:
    first = use(reused, *statements)

    assert use(reused) != first
    assert rows_in(reused) == 0


async def test_a_connection_that_still_holds_a_lock_is_closed(reused: ReusedDatabase) -> None:
    with reused.in_use() as url:
        forgotten = await asyncpg.connect(url)
        await forgotten.execute("BEGIN")
        await forgotten.execute("LOCK TABLE events")

    assert rows_in(reused) == 0
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await forgotten.execute("SELECT 1")
    forgotten.terminate()


def test_a_test_that_closes_all_connections_leaves_no_rows_either(reused: ReusedDatabase) -> None:
    hang_up = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
    others = "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    use(reused, ADD_ROW, f"{hang_up} {others}")

    assert rows_in(reused) == 0


def test_a_test_that_fails_leaves_no_rows_either(reused: ReusedDatabase) -> None:
    with suppress(ZeroDivisionError), reused.in_use() as url:
        run_apart(fetch(url, ADD_ROW))
        _ = 1 / 0

    assert rows_in(reused) == 0
