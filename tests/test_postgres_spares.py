"""Tests that share a database must find it as a new one would be, whatever was done to it."""

import os
from collections.abc import Iterator
from contextlib import suppress

import asyncpg
import pytest

from app.adapters.database.schema import metadata
from tests.support.postgres_server import Cluster, fetch, run_apart
from tests.support.spare_databases import Spares

ADD_ROW = "INSERT INTO heartbeat VALUES (1, 7)"
FUNCTION = "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'"
TRIGGER = "CREATE TRIGGER t BEFORE DELETE ON events FOR EACH ROW EXECUTE FUNCTION f()"


@pytest.fixture
def spares(postgres_cluster: Cluster, postgres_template: str) -> Iterator[Spares]:
    spares = Spares(postgres_cluster, postgres_template, f"altan_spares_tested_{os.getpid()}")
    yield spares
    spares.drop()


def lend(spares: Spares, *statements: str) -> list[dict[str, object]]:
    """Lend it to who says that; which database it was."""
    with spares.lent() as url:
        for statement in statements:
            run_apart(fetch(url, statement))
        which = "SELECT oid FROM pg_database WHERE datname = current_database()"
        return run_apart(fetch(url, which))


def rows_in(spares: Spares) -> int:
    with spares.lent() as url:
        counts = [
            run_apart(fetch(url, f"SELECT count(*) FROM {table}"))[0]["count"]  # noqa: S608 ours
            for table in metadata.tables
        ]
    return sum(counts)


def test_rows_are_gone_and_the_database_is_the_same(spares: Spares) -> None:
    first = lend(spares, ADD_ROW)

    assert rows_in(spares) == 0
    assert lend(spares) == first


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
def test_a_schema_that_was_touched_is_made_anew(spares: Spares, statements: list[str]) -> None:
    first = lend(spares, *statements)

    assert lend(spares) != first
    assert rows_in(spares) == 0


async def test_who_still_holds_a_lock_is_hung_up_on(spares: Spares) -> None:
    with spares.lent() as url:
        forgotten = await asyncpg.connect(url)
        await forgotten.execute("BEGIN")
        await forgotten.execute("LOCK TABLE events")

    assert rows_in(spares) == 0
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await forgotten.execute("SELECT 1")
    forgotten.terminate()


def test_a_test_that_fails_gives_back_too(spares: Spares) -> None:
    with suppress(ZeroDivisionError), spares.lent() as url:
        run_apart(fetch(url, ADD_ROW))
        _ = 1 / 0

    assert rows_in(spares) == 0
