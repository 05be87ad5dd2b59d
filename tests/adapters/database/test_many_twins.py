"""What strangers send costs little, however much of it has the same order number."""

import json
from contextlib import closing
from pathlib import Path

import pytest

from app.adapters.database import orders_sql
from app.adapters.database.rows import checkout_to_row
from app.adapters.database.sql import ADD_CHECKOUT
from app.adapters.database.sqlite.connection_thread import connect
from app.adapters.database.sqlite.statements import in_sqlite
from app.domain.checkout.cart import Cart, LineItem, Mode
from tests.support.builders import SESSION_ID
from tests.support.flag_shop import numbered
from tests.support.recording import NOW_MS

PAID = "INSERT INTO payments (session_id, status, facts, updated_at_ms) VALUES (?, 'paid', '{}', 1)"
STATEMENTS: dict[str, dict[str, object]] = {
    orders_sql.TWINS_OF: {"ids": json.dumps([numbered().id])},
    orders_sql.PAID_TWINS: {"since_ms": 0, "limit": 500},
    orders_sql.CHECKOUTS_WITH_TWINS: {
        "session_ids": json.dumps([SESSION_ID]),
        "checkout_ids": "[]",
    },
}


def steps_of(path: Path, text: str, values: dict[str, object]) -> int:
    """How many instructions SQLite runs for a statement."""
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    with closing(connect(path)) as connection:
        connection.set_progress_handler(count, 1)
        connection.execute(in_sqlite(text), values).fetchall()
    return steps


def add_checkouts(path: Path, numbers: range, *, has_other_carts: bool) -> None:
    with closing(connect(path)) as connection:
        connection.execute("BEGIN")
        for number in numbers:
            cart = Cart((LineItem("price_A", 2 + number * has_other_carts),), Mode.PAYMENT)
            id_, session_id = f"chk_{number:036d}", f"cs_test_{number}"
            added = numbered(id_, session_id, cart=cart, created_at_ms=NOW_MS - number)
            connection.execute(ADD_CHECKOUT, checkout_to_row(added))
        connection.execute("COMMIT")


@pytest.mark.parametrize("has_other_carts", [True, False])
@pytest.mark.parametrize("text", STATEMENTS)
def test_ten_times_as_many_carts_with_one_order_number_cost_no_more(
    database_path: Path, text: str, *, has_other_carts: bool
) -> None:
    values = STATEMENTS[text]
    with closing(connect(database_path)) as connection:
        connection.execute(ADD_CHECKOUT, checkout_to_row(numbered()))
        connection.execute(PAID, (SESSION_ID,))
    add_checkouts(database_path, range(1, 301), has_other_carts=has_other_carts)
    few = steps_of(database_path, text, values)

    add_checkouts(database_path, range(301, 3001), has_other_carts=has_other_carts)

    assert steps_of(database_path, text, values) <= few * 1.1
