"""What stops `altan-checkout events`, and what it says then."""

import json
from pathlib import Path

import pytest

from tests.commands.test_cli import GOOD, run
from tests.support.builders import ACCOUNT, query
from tests.support.shop_with_events import Shop, make_busy, make_shop


@pytest.fixture
def shop(database_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    return make_shop(database_path, monkeypatch)


@pytest.fixture
def busy_shop(shop: Shop) -> Shop:
    return make_busy(shop)


@pytest.mark.parametrize("command", [["list"], ["show", "evt_1"], ["replay", "--all"], ["rebuild"]])
def test_wrong_settings_stop_it_with_a_line_each(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.setenv("APP_URL", "shop")
    monkeypatch.setenv("ALTAN_STRIPE_CONNECT_ID", "")

    ended = shop.events(*command)

    assert (ended.exit_code, ended.stdout) == (2, "")
    *settings, hint = ended.stderr.splitlines()
    assert [line.split()[0] for line in settings] == ["ALTAN_STRIPE_CONNECT_ID", "APP_URL"]
    assert hint == "For the demo's data, add --demo."
    assert ACCOUNT not in ended.stderr


def test_a_database_of_a_later_program_stops_it(shop: Shop) -> None:
    query(shop.database_path, "UPDATE alembic_version SET version_num = '9999'")

    ended = shop.events("list")

    assert (ended.exit_code, ended.stdout) == (1, "")
    assert ended.stderr.startswith("The database cannot be used: ")


def test_a_database_that_cannot_be_read_is_said_to_be_so_with_the_cause(shop: Shop) -> None:
    query(shop.database_path, "DROP TABLE events")

    ended = shop.events("list")

    assert (ended.exit_code, ended.stdout) == (1, "")
    assert ended.stderr == (
        "The database cannot be read. Please try again. (no such table: events)\n"
    )


def test_a_database_that_cannot_be_written_to_is_said_to_be_so(busy_shop: Shop) -> None:
    query(busy_shop.database_path, "DROP TABLE event_mentions")

    ended = busy_shop.events("replay", "--all")

    assert ended.exit_code == 1
    assert "cannot be written to" in ended.stderr


def test_as_a_program_of_its_own_it_prints_json_alone(tmp_path: Path) -> None:
    """The very first command makes the database, too, and says nothing of it."""
    ended = run(tmp_path, "events", "list", "--json", **GOOD)

    assert (ended.returncode, json.loads(ended.stdout)) == (0, [])
    assert (tmp_path / "data" / "checkout.db").exists()


def test_without_a_command_it_names_them_all(tmp_path: Path) -> None:
    ended = run(tmp_path, "events", **GOOD)

    for command in ("list", "show", "replay", "rebuild"):
        assert command in ended.stdout + ended.stderr
