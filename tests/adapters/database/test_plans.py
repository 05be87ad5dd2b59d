"""Each statement is planned on both databases, and finds its rows by an index."""

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from types import ModuleType

import pytest

from app.adapters.database import fold_sql, sql
from app.adapters.database.fold_sql import Reading
from app.adapters.database.migrate import migrate
from app.adapters.database.postgres import connections as postgres_connections
from app.adapters.database.postgres import statements as of_postgres
from app.adapters.database.postgres.statements import looking, numbered, writing
from app.adapters.database.sql import Writing
from app.adapters.database.sqlite import statements as of_sqlite
from app.adapters.database.sqlite.connection_thread import connect
from app.adapters.database.sqlite.statements import for_each_row, in_sqlite
from app.adapters.database.sqlite.statements import looking as looking_in_sqlite
from tests.support.postgres_server import Cluster

# An operator's lists may read a table whole; the last of these has five rows.
READ_WHOLE = {"LIST_EVENTS", "LIST_EVENTS_OF_PAYMENT", "WEBHOOK_SIGHTINGS"}


def texts(*modules: ModuleType) -> dict[str, str]:
    return {
        name: value
        for module in modules
        for name, value in vars(module).items()
        if name.isupper() and not name.startswith("_") and not name.endswith("COLUMNS")
        if isinstance(value, str) and not name.startswith("AROUND")  # which readings begin with
    }


WRITINGS = {name: value for name, value in vars(fold_sql).items() if isinstance(value, Writing)}
READINGS = {name: value for name, value in vars(fold_sql).items() if isinstance(value, Reading)}
ON_POSTGRES = texts(sql, of_postgres)
ON_SQLITE = texts(sql, of_sqlite)


def test_the_statements_are_found() -> None:
    assert len(ON_POSTGRES) > 20
    assert len(ON_SQLITE) > 20
    assert len(WRITINGS) > 10
    assert len(READINGS) > 10


@pytest.fixture(scope="module")
def postgres_url(postgres_cluster: Cluster, postgres_template: str) -> Iterator[str]:
    """One for all of these tests: planning changes nothing in it."""
    name = f"altan_plans_{os.getpid()}"
    with postgres_cluster.database(name, template=postgres_template) as url:
        yield url


async def plan_on_postgres(url: str, text: str) -> list[str]:
    """As it is made while nothing is known of the values, and is kept while tables grow."""
    connection = await postgres_connections.connect(url)
    await connection.execute("SET plan_cache_mode = force_generic_plan")
    await connection.execute(f"PREPARE statement AS {text}")
    nulls = ", ".join(["NULL"] * len(set(re.findall(r"\$\d+", text))))
    rows = await connection.fetch(f"EXPLAIN EXECUTE statement{f'({nulls})' if nulls else ''}")
    await connection.close()
    return [row[0] for row in rows]


@pytest.mark.parametrize("name", sorted(ON_POSTGRES.keys() - READ_WHOLE))
async def test_a_plan_that_postgresql_makes_for_empty_tables_still_uses_their_indexes(
    postgres_url: str, name: str
) -> None:
    text, _ = numbered(ON_POSTGRES[name])

    plan = await plan_on_postgres(postgres_url, text)

    assert [line for line in plan if "Seq Scan" in line] == []


@pytest.mark.parametrize("name", sorted(READ_WHOLE))
async def test_postgresql_can_plan_what_reads_a_table_whole(postgres_url: str, name: str) -> None:
    text, _ = numbered(ON_POSTGRES[name])

    assert await plan_on_postgres(postgres_url, text)


@pytest.mark.parametrize("names", [*([name] for name in sorted(WRITINGS)), sorted(WRITINGS)])
async def test_a_plan_that_postgresql_makes_to_write_uses_indexes(
    postgres_url: str, names: list[str]
) -> None:
    kinds = [WRITINGS[name] for name in names if name != "ADD_EVENT"]
    kinds += [fold_sql.ADD_EVENT] if "ADD_EVENT" in names else []

    plan = await plan_on_postgres(postgres_url, writing(tuple(kinds)))

    assert [line for line in plan if "Seq Scan" in line] == []


@pytest.mark.parametrize("to_change", [True, False])
@pytest.mark.parametrize("names", [*([name] for name in sorted(READINGS)), sorted(READINGS)])
async def test_a_plan_that_postgresql_makes_to_look_around_uses_indexes(
    postgres_url: str, names: list[str], *, to_change: bool
) -> None:
    text, _ = looking(tuple(READINGS[name] for name in names), to_change=to_change)

    plan = await plan_on_postgres(postgres_url, text)

    assert [line for line in plan if "Seq Scan" in line] == []


@pytest.fixture(scope="module")
def sqlite_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    path = tmp_path_factory.mktemp("plans") / "checkout.db"
    migrate(path)
    with closing(connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        yield connection


def plan_on_sqlite(connection: sqlite3.Connection, text: str) -> list[str]:
    values = dict.fromkeys(re.findall(r":(\w+)", text), "[]")
    return [row["detail"] for row in connection.execute(f"EXPLAIN QUERY PLAN {text}", values)]


def whole_tables_in(plan: list[str]) -> list[str]:
    """`SCAN events`; not what is read by an index, nor our own lists and what was just found."""
    tables = r"events|event_mentions|payments|payment_links|checkouts|renewals|renewal_ids"
    return [line for line in plan if re.fullmatch(rf"SCAN ({tables})", line)]


@pytest.mark.parametrize("name", sorted(ON_SQLITE))
def test_sqlite_plans_each_statement_with_indexes(
    sqlite_file: sqlite3.Connection, name: str
) -> None:
    plan = plan_on_sqlite(sqlite_file, in_sqlite(ON_SQLITE[name]))

    if name not in READ_WHOLE:
        assert whole_tables_in(plan) == []


@pytest.mark.parametrize("name", sorted(READINGS))
def test_sqlite_plans_each_look(sqlite_file: sqlite3.Connection, name: str) -> None:
    plan = plan_on_sqlite(sqlite_file, looking_in_sqlite(READINGS[name]))

    assert whole_tables_in(plan) == []


@pytest.mark.parametrize("name", sorted(WRITINGS))
def test_sqlite_plans_each_way_to_write(sqlite_file: sqlite3.Connection, name: str) -> None:
    plan = plan_on_sqlite(sqlite_file, for_each_row(WRITINGS[name]))

    assert whole_tables_in(plan) == []
