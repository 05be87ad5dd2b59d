"""The orders table on a real PostgreSQL that ran the printed SQL, behind PostgREST's rules."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from app.adapters.http_transport import AiohttpTransport
from app.adapters.orders_table import PostgrestTable
from app.adapters.orders_table_sql import COLUMNS, PERSONAL_COLUMNS, orders_table_sql
from app.adapters.posts import CheckedResolver
from app.adapters.system import SystemClock
from app.domain.notifications.tries import Answer
from app.usecases.order_document import Document
from app.usecases.read_orders import ReadOrders
from tests.support.builders import SESSION_ID
from tests.support.postgres_server import fetch
from tests.support.postgrest import KEY, Postgrest, postgrest, said
from tests.support.recording import record
from tests.support.shop_with_events import PAID

TAKEN = Answer(status=201)
PLAIN, PERSONAL = (orders_table_sql(with_personal=each) for each in (False, True))


@asynccontextmanager
async def table_of(server: Postgrest, *, key: str = KEY) -> AsyncIterator[PostgrestTable]:
    transport = AiohttpTransport(resolver=CheckedResolver())
    try:
        yield PostgrestTable(
            f"{server.table}/", key=key, transport=transport, clock=SystemClock(), version="1.2.3"
        )
    finally:
        await transport.aclose()


@pytest.fixture
async def order(database: object) -> Document:
    """A paid order with a buyer, as `GET /orders/{id}` shows it."""
    await record(database, PAID)  # type: ignore[arg-type]  # either database
    found = await ReadOrders(database=database).one(SESSION_ID)  # type: ignore[arg-type]
    return found.document


async def test_the_columns_are_the_order_documents_fields(order: Document) -> None:
    assert set(order) == set(COLUMNS) | set(PERSONAL_COLUMNS)


async def test_half_an_emoji_in_a_buyers_text_is_replaced(
    order: Document, empty_postgres_url: str
) -> None:
    odd = order | {"metadata": {"note": "thank you \ud83d"}}
    async with postgrest(empty_postgres_url, PLAIN) as server, table_of(server) as table:
        assert await table.upsert([odd]) == TAKEN
        (row,) = await server.rows()

    assert json.loads(str(row["metadata"])) == {"note": "thank you \ufffd"}


async def test_an_order_is_one_row_without_the_buyer(
    order: Document, empty_postgres_url: str
) -> None:
    async with postgrest(empty_postgres_url, PLAIN) as server, table_of(server) as table:
        assert await table.upsert([order]) == TAKEN
        (row,) = await server.rows()
        (sent,) = server.batches

    assert (row["id"], row["status"], row["version"]) == (SESSION_ID, "paid", order["version"])
    assert row["amount_total"] == order["amount_total"]
    assert not set(row) & set(PERSONAL_COLUMNS)
    assert "buyer@example.com" not in repr(sent)


async def test_a_table_with_personal_columns_gets_the_buyer(
    order: Document, empty_postgres_url: str
) -> None:
    async with postgrest(empty_postgres_url, PERSONAL) as server, table_of(server) as table:
        assert await table.upsert([order]) == TAKEN
        assert await table.upsert([order]) == TAKEN
        (row,) = await server.rows()
        assert server.server
        asked = [each.line.split(" ")[0] for each in server.server.requests]

    assert "buyer@example.com" in str(row["customer"])
    assert asked == ["GET", "POST", "POST"]  # the columns are looked up once


async def test_an_older_version_never_overwrites_a_newer_one(
    order: Document, empty_postgres_url: str
) -> None:
    older = order | {"version": order["version"] - 1, "status": "processing"}
    same = order | {"status": "refunded"}
    other = order | {"id": "cs_other", "version": 1}
    async with postgrest(empty_postgres_url, PLAIN) as server, table_of(server) as table:
        seen = []
        for batch in ([order], [older, other], [same], [older]):
            assert await table.upsert(batch) == TAKEN
            seen.append([(row["version"], row["status"]) for row in await server.rows()])

    version = order["version"]
    assert seen == [
        [(version, "paid")],
        [(1, "paid"), (version, "paid")],
        [(1, "paid"), (version, "refunded")],
        [(1, "paid"), (version, "refunded")],
    ]


async def test_the_sql_may_run_again_and_adds_what_is_missing(
    order: Document, empty_postgres_url: str
) -> None:
    async with postgrest(empty_postgres_url, PLAIN) as server, table_of(server) as table:
        await table.upsert([order])
        for sql in (PLAIN, PERSONAL, PERSONAL, PLAIN):
            await server.database.execute(sql)
        async with table_of(server) as restarted:
            assert await restarted.upsert([order]) == TAKEN
        (row,) = await server.rows()

    assert "buyer@example.com" in str(row["customer"])


async def test_pages_read_nothing_though_they_may_select(
    order: Document, empty_postgres_url: str
) -> None:
    async with postgrest(empty_postgres_url, PLAIN) as server, table_of(server) as table:
        await table.upsert([order])
        role = f"anon_{empty_postgres_url.rpartition('/')[2].partition('?')[0]}"
        await server.database.execute(f"CREATE ROLE {role}")
        try:
            await server.database.execute(
                f"GRANT ALL ON checkout_orders TO {role}; SET ROLE {role}"
            )
            seen = await server.rows()
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await server.database.execute("INSERT INTO checkout_orders VALUES ('a', 1)")
        finally:
            await server.database.execute(f"RESET ROLE; DROP OWNED BY {role}; DROP ROLE {role}")

    assert seen == []


async def test_altans_function_is_called_where_there_is_one(empty_postgres_url: str) -> None:
    await fetch(empty_postgres_url, "CREATE TABLE calls (n int)")
    await fetch(
        empty_postgres_url,
        "CREATE FUNCTION apply_postgrest_permissions() RETURNS void LANGUAGE sql"
        " AS 'INSERT INTO calls VALUES (1)'",
    )
    async with postgrest(empty_postgres_url, PLAIN):
        assert await fetch(empty_postgres_url, "SELECT n FROM calls") == [{"n": 1}]


@pytest.mark.parametrize(
    ("sql", "key", "status"),
    [(PLAIN, "wrong", 401), ("SELECT 1", KEY, 404)],
    ids=["a wrong key", "no table"],
)
async def test_what_refuses_is_told_by_its_status(
    order: Document, empty_postgres_url: str, sql: str, key: str, status: int
) -> None:
    async with postgrest(empty_postgres_url, sql) as server, table_of(server, key=key) as table:
        assert await table.upsert([order]) == Answer(status=status)


async def test_a_row_that_the_owners_rules_refuse_changes_nothing(
    order: Document, empty_postgres_url: str
) -> None:
    rule = "CREATE UNIQUE INDEX ON checkout_orders (payment_intent);"
    other = order | {"id": "cs_other"}
    async with postgrest(empty_postgres_url, PLAIN + rule) as server, table_of(server) as table:
        assert await table.upsert([order, other]) == Answer(status=409)
        assert await server.rows() == []


async def test_after_a_refusal_the_columns_are_looked_up_again(
    order: Document, empty_postgres_url: str
) -> None:
    async with postgrest(empty_postgres_url, PLAIN) as server, table_of(server) as table:
        await server.database.execute(PERSONAL)
        assert await table.upsert([order]) == TAKEN
        await server.database.execute("ALTER TABLE checkout_orders DROP COLUMN shipping")
        assert await table.upsert([order]) == Answer(status=400)
        assert await table.upsert([order]) == TAKEN
        assert set(server.batches[-1][0]) == set(COLUMNS)


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_table_that_cannot_say_its_columns_gets_nothing(
    order: Document, empty_postgres_url: str, status: int
) -> None:
    async with postgrest(empty_postgres_url, PERSONAL) as server, table_of(server) as table:
        server.looks.append(said(status, "x"))
        assert await table.upsert([order]) == Answer(status=status)
        assert server.batches == []
        assert await table.upsert([order]) == TAKEN


async def test_a_table_that_is_gone_is_told_in_words(
    order: Document, empty_postgres_url: str
) -> None:
    async with postgrest(empty_postgres_url, PLAIN) as server:
        pass
    async with table_of(server) as table:
        answer = await table.upsert([order])

    assert answer == Answer(status=None, problem="refuses connections, or cannot be reached")
