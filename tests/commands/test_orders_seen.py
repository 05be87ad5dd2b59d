"""`altan-checkout orders seen`: marks a flag as the API does, without a token."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app.commands.cli import cli
from tests.support.builders import SESSION_ID, event
from tests.support.recording import record
from tests.support.shop_with_events import Shop, make_shop
from tests.support.stripe_objects import dispute


@pytest.fixture
def shop(database_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    shop = make_shop(database_path, monkeypatch)
    disputed = event("charge.dispute.created", dispute(), id="evt_d")
    shop.does(lambda database: record(database, event(id="evt_paid")))
    shop.does(lambda database: record(database, disputed))
    return shop


def orders(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["orders", *arguments])


def unseen() -> object:
    return json.loads(orders("show", SESSION_ID, "--json").stdout)["unseen_flags"]


def test_a_flag_is_marked_as_seen_and_may_be_again(shop: Shop) -> None:
    assert (shop.database_path.exists(), unseen()) == (True, ["disputed"])

    first, second = (orders("seen", SESSION_ID, "disputed") for _ in range(2))

    assert (first.exit_code, first.stderr) == (0, "")
    assert first.stdout == second.stdout == f"{SESSION_ID}: disputed is marked as seen.\n"
    assert unseen() == []


@pytest.mark.usefixtures("shop")
def test_programs_get_json() -> None:
    ended = orders("seen", SESSION_ID, "disputed", "--json")

    assert json.loads(ended.stdout) == {"id": SESSION_ID, "flag": "disputed", "seen": True}


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        ((SESSION_ID, "review"), 1, "The order does not have this flag."),
        (("cs_test_nobody", "review"), 1, "There is no order with that id."),
        ((SESSION_ID, "dispute"), 2, "'dispute' is not one of"),
    ],
)
def test_what_is_not_there_is_refused(arguments: tuple[str, ...], status: int, words: str) -> None:
    ended = orders("seen", *arguments)

    assert (ended.exit_code, ended.stdout) == (status, "")
    assert words in ended.stderr
    assert unseen() == ["disputed"]
