"""What the constraints of both databases refuse."""

import traceback
from dataclasses import replace
from pathlib import Path

import pytest

from app.adapters.database.postgres.transaction import PostgresTransaction
from app.adapters.database.sqlite.transaction import SqliteTransaction
from app.databases import AnyDatabase
from app.domain.errors import RowsRefusedError
from app.usecases.storage import Transaction
from tests.support.builders import CHECKOUT_ID, SilentAlarm
from tests.support.committed import count
from tests.support.stores import (
    EVENT,
    add_event,
    put,
)


@pytest.fixture(params=["sqlite", "postgres"])
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


EVENT_COLUMNS = "events (id, type, received_at_ms, state, reason, payload)"
PAYMENT_COLUMNS = (
    "payments (session_id, status, amount_total_minor, currency, facts, updated_at_ms)"
)
CHECKOUT_COLUMNS = (
    "checkouts (id, created_at_ms, mode, line_items, success_url, cancel_url, url, session_id,"
    " client_reference_id)"
)
LONG_URL = f"https://shop.example/{'0' * 4980}"
CART_ROW = (CHECKOUT_ID, 1, "payment", "[]", "s", "c", "u")


async def insert(transaction: Transaction, columns: str, values: tuple[object, ...]) -> None:
    """One row, as no use case would write it."""
    if isinstance(transaction, PostgresTransaction):
        marks = ", ".join(f"${n}" for n in range(1, len(values) + 1))
        await transaction.execute(f"INSERT INTO {columns} VALUES ({marks})", *values)  # noqa: S608 our rows
    else:
        assert isinstance(transaction, SqliteTransaction)
        marks = ", ".join("?" * len(values))
        transaction.execute(f"INSERT INTO {columns} VALUES ({marks})", values)  # noqa: S608 our rows


@pytest.mark.parametrize(
    ("columns", "values"),
    [
        (EVENT_COLUMNS, ("evt_1", "t", 1, "done", None, b"x")),
        (EVENT_COLUMNS, ("evt_1", "t", 1, "failed", None, b"x")),
        (EVENT_COLUMNS, ("evt_1", "t", 1, "folded", "why", b"x")),
        (EVENT_COLUMNS, ("evt_1", "t", 1, None, None, b"x")),
        (EVENT_COLUMNS, ("evt_1", None, 1, "folded", None, b"x")),
        (EVENT_COLUMNS, ("1", "t", 1, "folded", None, b"x")),
        (EVENT_COLUMNS, (None, "t", 1, "folded", None, b"x")),
        (EVENT_COLUMNS, ("evt_1", "t", 1, "folded", None, b"")),
        (EVENT_COLUMNS, ("evt_1", "t", 1, "folded", None, bytes(1_048_577))),
        (PAYMENT_COLUMNS, ("cs_1", "done", 1, "eur", "{}", 1)),
        (PAYMENT_COLUMNS, ("cs_1", None, 1, "eur", "{}", 1)),
        (PAYMENT_COLUMNS, ("cs_1", "paid", -1, "eur", "{}", 1)),
        (PAYMENT_COLUMNS, ("cs_1", "paid", 1, "euro", "{}", 1)),
        (PAYMENT_COLUMNS, ("pi_1", "paid", 1, "eur", "{}", 1)),
        (PAYMENT_COLUMNS, (None, "paid", 1, "eur", "{}", 1)),
        (PAYMENT_COLUMNS, ("cs_1", "paid", 1, "eur", None, 1)),
        (CHECKOUT_COLUMNS, (CHECKOUT_ID, 1, "setup", "[]", "s", "c", "u", None, None)),
        (CHECKOUT_COLUMNS, (f"{CHECKOUT_ID}x", *CART_ROW[1:], None, None)),
        (CHECKOUT_COLUMNS, ("0" * 40, *CART_ROW[1:], None, None)),
        (CHECKOUT_COLUMNS, (*CART_ROW, "pi_1", None)),
        (CHECKOUT_COLUMNS, (*CART_ROW, None, "")),
        (CHECKOUT_COLUMNS, (*CART_ROW[:6], None, None, None)),
        (CHECKOUT_COLUMNS, (*CART_ROW[:4], LONG_URL, "c", "u", None, None)),
        (CHECKOUT_COLUMNS, (*CART_ROW[:4], "s", LONG_URL, "u", None, None)),
        ("payment_links (object_id, session_id)", ("pi_1", "cs_of_nobody")),
        ("heartbeat (id, at_ms)", (2, 1)),
        ("reconciliation (id, holder, lease_until_ms)", (2, "one", 1)),
        ("orders_table_progress (id, tx, seq, holder, until_ms)", (2, 1, 1, "one", 1)),
        ("events (id, type, received_at_ms, state, source)", ("evt_1", "t", 1, "folded", "x")),
    ],
)
async def test_a_row_that_cannot_be_true_is_refused(
    database: AnyDatabase, columns: str, values: tuple[object, ...]
) -> None:
    async def insert_it(transaction: Transaction) -> None:
        await insert(transaction, columns, values)
        await transaction.commit()

    with pytest.raises(RowsRefusedError):
        await database.write(insert_it)


@pytest.mark.parametrize(
    ("columns", "values"),
    [
        (EVENT_COLUMNS, ("evt_1", "t", 1, "folded", None, bytes(1_048_576))),
        (PAYMENT_COLUMNS, ("cs_1", "paid", 0, "eur", "{}", 1)),
        (PAYMENT_COLUMNS, ("cs_1", "open", None, None, "{}", 1)),
        (CHECKOUT_COLUMNS, (*CART_ROW, None, "r")),
    ],
)
async def test_a_row_at_the_edge_of_what_is_true_is_taken(
    database: AnyDatabase, database_path: Path, columns: str, values: tuple[object, ...]
) -> None:
    async def insert_it(transaction: Transaction) -> None:
        await insert(transaction, columns, values)
        await transaction.commit()

    await database.write(insert_it)

    assert count(database_path, columns.partition(" ")[0]) == 1


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1])
async def test_a_number_that_the_database_cannot_hold_is_refused(
    database: AnyDatabase, number: int
) -> None:
    with pytest.raises(RowsRefusedError):
        await database.write_heartbeat(number)


async def test_a_refused_row_is_not_quoted(database: AnyDatabase) -> None:
    """A server quotes the failing row, whose payload is somebody's; no log may get it."""
    personal = replace(EVENT, id="no event's id", payload=b"jane@example.com")

    async def add(transaction: Transaction) -> None:
        await put(transaction, personal)

    with pytest.raises(RowsRefusedError) as refused:
        await database.write(add)

    trace = "".join(traceback.format_exception(refused.value))
    assert "jane" not in trace
    assert b"jane@example.com".hex() not in trace


async def test_a_refused_row_wakes_nobody(database: AnyDatabase, alarm: SilentAlarm) -> None:
    with pytest.raises(RowsRefusedError):
        await database.write_heartbeat(2**63)

    assert alarm.told == []


async def test_after_a_refused_row_the_next_is_taken(
    database: AnyDatabase, database_path: Path
) -> None:
    with pytest.raises(RowsRefusedError):
        await database.write_heartbeat(2**63)

    await database.write(add_event)

    assert count(database_path) == 1
