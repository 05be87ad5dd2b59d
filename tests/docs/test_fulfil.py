"""docs/success-page.md's code delivers what was paid: once, for the right order."""

import json
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest

from tests.docs.test_snippets import session_of
from tests.support.docs.documents import ROOT, marked
from tests.support.docs.running import Demo

PAGE = ROOT / "docs/success-page.md"
MUG = [{"price": "price_sandbox_mug", "quantity": 2}]
AMOUNT = 2900


@pytest.fixture
def code(demo: Demo) -> dict[str, Any]:
    """The page's code, as a module's names."""
    (block,) = marked("python", "fulfil", path=PAGE)
    names: dict[str, Any] = {}
    exec(compile(demo.here(block.text), PAGE, "exec"), names)  # noqa: S102 the page's own code
    return names


@pytest.fixture
def db(code: dict[str, Any]) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as db:
        db.row_factory = sqlite3.Row
        db.execute(code["SCHEMA"])
        yield db


def order(db: sqlite3.Connection, id_: str, *, amount: int = AMOUNT) -> sqlite3.Row:
    """The order as the database has it, made if it is new."""
    with db:
        db.execute(
            "INSERT OR IGNORE INTO orders VALUES (?, ?, ?, 'usd', ?, NULL, NULL)",
            (id_, json.dumps(MUG), amount, str(uuid.uuid4())),
        )
    row: sqlite3.Row = db.execute("SELECT * FROM orders WHERE id = ?", (id_,)).fetchone()
    return row


def pay(demo: Demo, url: str) -> None:
    session_id = session_of(url, demo)["id"]
    httpx.post(f"{demo.shop_url}/sandbox/sessions/{session_id}/pay", trust_env=False)


def test_an_order_is_delivered_once_it_is_paid_and_once_only(
    demo: Demo, code: dict[str, Any], db: sqlite3.Connection
) -> None:
    url = code["start"](db, order(db, "order-1"))
    before = code["may_deliver"](db, order(db, "order-1"))

    pay(demo, url)

    assert not before
    assert [code["may_deliver"](db, order(db, "order-1")) for _ in range(2)] == [True, False]


def test_a_second_order_of_the_same_amount_is_not_delivered_by_the_first_ones_payment(
    demo: Demo, code: dict[str, Any], db: sqlite3.Connection
) -> None:
    url = code["start"](db, order(db, "order-1"))
    code["start"](db, order(db, "order-2"))
    pay(demo, url)

    assert not code["may_deliver"](db, order(db, "order-2"))
    paid_id = order(db, "order-1")["checkout_id"]
    with pytest.raises(sqlite3.IntegrityError):
        db.execute("UPDATE orders SET checkout_id = ? WHERE id = 'order-2'", (paid_id,))


def test_an_order_that_was_paid_with_another_amount_is_not_delivered(
    demo: Demo, code: dict[str, Any], db: sqlite3.Connection
) -> None:
    pay(demo, code["start"](db, order(db, "order-1", amount=AMOUNT + 1)))

    assert not code["may_deliver"](db, order(db, "order-1"))


def test_a_second_click_leads_to_the_same_payment_page(
    code: dict[str, Any], db: sqlite3.Connection
) -> None:
    urls = {code["start"](db, order(db, "order-1")) for _ in range(2)}

    assert len(urls) == 1
