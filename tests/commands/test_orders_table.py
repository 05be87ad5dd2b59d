"""`altan-checkout orders-table`: SQL that PostgreSQL runs, and a table filled with all orders."""

from pathlib import Path

import pytest

from app.adapters.orders_table_sql import COLUMNS, PERSONAL_COLUMNS
from tests.support.builders import SESSION_ID, event, running_service, session, settings
from tests.support.commands import altan_checkout
from tests.support.postgrest import KEY, postgrest, said


@pytest.mark.parametrize("arguments", [(), ("--personal",)], ids=["plain", "personal"])
async def test_what_is_printed_runs_twice(
    tmp_path: Path, empty_postgres_url: str, arguments: tuple[str, ...]
) -> None:
    ended = await altan_checkout(tmp_path, "orders-table", *arguments)
    assert (ended.status, ended.errors) == (0, "")

    async with postgrest(empty_postgres_url, ended.output) as server:
        await server.database.execute(ended.output)
        found = await server.database.fetch(
            "SELECT column_name FROM information_schema.columns"
            " WHERE table_name = 'checkout_orders'"
        )
        has_security = await server.database.fetchval(
            "SELECT relrowsecurity FROM pg_class WHERE relname = 'checkout_orders'"
        )

    assert {row[0] for row in found} == {*COLUMNS, *(PERSONAL_COLUMNS if arguments else ())}
    assert has_security


async def test_it_fills_the_table_beside_a_running_service(
    tmp_path: Path, empty_postgres_url: str
) -> None:
    sql = (await altan_checkout(tmp_path, "orders-table")).output
    async with (
        postgrest(empty_postgres_url, sql) as server,
        running_service(settings(tmp_path)) as service,
    ):
        table = {"ORDERS_TABLE_URL": server.table, "ORDERS_TABLE_KEY": KEY}
        empty = await altan_checkout(tmp_path, "orders-table", "--fill", **table)
        await service.deliver(event())
        await service.deliver(event(subject=session(id="cs_test_other"), id="evt_2"))
        filled = await altan_checkout(tmp_path, "orders-table", "--fill", **table)
        ids = {row["id"] for row in await server.rows()}
        server.instead.append(said(401, "42501"))
        refused = await altan_checkout(tmp_path, "orders-table", "--fill", **table)

    assert (empty.status, empty.output) == (0, "0 orders were sent to 127.0.0.1.\n")
    assert (filled.status, filled.output) == (0, "2 orders were sent to 127.0.0.1.\n")
    assert ids == {SESSION_ID, "cs_test_other"}
    assert refused.status == 1
    assert "0 orders were sent; then the orders table answered 401." in refused.errors
    assert KEY not in refused.errors + filled.output


async def test_without_a_table_it_says_what_to_set(tmp_path: Path) -> None:
    ended = await altan_checkout(tmp_path, "orders-table", "--fill")
    wrong = await altan_checkout(tmp_path, "orders-table", "--fill", ORDERS_TABLE_KEY=KEY)

    assert (ended.status, wrong.status) == (2, 2)
    assert "ORDERS_TABLE_URL is not set" in ended.errors
    assert "ORDERS_TABLE_URL is missing" in wrong.errors
