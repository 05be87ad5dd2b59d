"""`altan-checkout orders erase`: asks first, deletes, and names what it had to keep."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app.commands.cli import cli
from app.usecases.read_orders import ReadOrders
from app.usecases.storage import Database
from tests.support.builders import SESSION_ID, event, session
from tests.support.recording import record
from tests.support.shop_with_events import Shop, make_shop

BUYER = {"email": "ana@example.com"}
BROKEN = event("charge.refunded", {"object": "charge", "id": "ch_1", "payment_intent": "pi_1"})


@pytest.fixture
def shop(database_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    shop = make_shop(database_path, monkeypatch)
    shop.does(lambda database: record(database, event(subject=session(customer_details=BUYER))))
    return shop


def erase(*arguments: str, answer: str = "") -> Result:
    return CliRunner().invoke(cli, ["orders", "erase", *arguments], input=answer)


def has_buyer(shop: Shop) -> bool:
    found: list[bool] = []

    async def look(database: Database) -> None:
        order = await ReadOrders(database=database).one(SESSION_ID)  # type: ignore[arg-type]  # a real one
        found.append(order.document["customer"] is not None)

    shop.does(look)
    return found[0]


@pytest.mark.parametrize("answer", ["n\n", "\n", ""])
def test_nothing_is_deleted_without_a_yes(shop: Shop, answer: str) -> None:
    ended = erase(SESSION_ID, answer=answer)

    assert (ended.exit_code, "deleted" in ended.stdout) == (1, False)
    assert "This cannot be undone" in ended.stderr
    assert has_buyer(shop)


@pytest.mark.parametrize(("arguments", "answer"), [((), "y\n"), (("--yes",), "")])
def test_a_buyers_data_is_deleted(shop: Shop, arguments: tuple[str, ...], answer: str) -> None:
    ended = erase(SESSION_ID, *arguments, answer=answer)

    assert ended.exit_code == 0
    assert f"{SESSION_ID}: 1 body deleted." in ended.stdout
    assert not has_buyer(shop)


def test_as_json_it_is_counted(shop: Shop) -> None:
    assert has_buyer(shop)
    ended = erase(SESSION_ID, "--yes", "--json")

    assert json.loads(ended.stdout) == {"deleted": 1, "kept_ids": []}


def test_events_that_were_not_processed_are_named(shop: Shop) -> None:
    shop.does(lambda database: record(database, BROKEN | {"id": "evt_broken"}))
    ended = erase(SESSION_ID, "--yes")

    assert ended.exit_code == 1
    assert ended.stderr.splitlines()[-1] == "evt_broken"
    assert "replay these events, then erase again" in ended.stderr


def test_an_unknown_order_is_said_to_be_unknown(shop: Shop) -> None:
    ended = erase("cs_test_nobody", "--yes")
    asked = erase("foo", answer="y\n")  # asked nothing

    assert (ended.exit_code, ended.stderr) == (1, "There is no order with that id.\n")
    assert (asked.exit_code, asked.stderr) == (1, "There is no order with that id.\n")
    assert has_buyer(shop)
