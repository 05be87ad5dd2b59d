"""docs/operate.md: the commands that delete a buyer's data."""

from pathlib import Path

import pytest

from app.usecases.storage import Database
from tests.support.builders import CHECKOUT_ID, event, session
from tests.support.docs.documents import marked
from tests.support.docs.running import make_shell
from tests.support.recording import checkout, keep, record
from tests.support.shop_with_events import make_shop

BUYER = {"email": "jo@buyer.example", "name": "Jo"}


def test_a_buyers_orders_are_found_and_erased(
    database_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def sell(database: Database) -> None:
        await keep(database, checkout())
        await record(database, event(subject=session(customer_details=BUYER)))

    make_shop(database_path, monkeypatch).does(sell)
    shell = make_shell(tmp_path, only_python=False)
    (block,) = marked("sh", "erase")
    find, erase = block.text.strip().splitlines()

    assert CHECKOUT_ID in shell.run(find)
    shell.run(f"{erase} --yes")

    assert "Jo" not in shell.run("altan-checkout orders list --personal --csv")
