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


def test_a_folder_without_a_database_stops_it_and_stays_empty(tmp_path: Path) -> None:
    ended = run(tmp_path, "orders", "list", **GOOD)

    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == (
        "The database cannot be used: there is no database at data/checkout.db "
        f"(current folder: {tmp_path})\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_an_older_database_stops_it_and_is_not_migrated(shop: Shop) -> None:
    query(shop.database_path, "UPDATE alembic_version SET version_num = '0014'")

    ended = shop.events("list")

    assert (ended.exit_code, ended.stdout) == (1, "")
    assert "is at revision 0014, and " in ended.stderr
    assert ended.stderr.endswith(" is expected: run altan-checkout migrate\n")
    kept = query(shop.database_path, "SELECT version_num FROM alembic_version")
    assert kept == [{"version_num": "0014"}]


def test_a_file_that_is_no_database_stops_it(shop: Shop) -> None:
    shop.database_path.write_text("somebody's notes " * 100)

    ended = shop.events("list")

    assert (ended.exit_code, ended.stdout) == (1, "")
    assert "(file is not a database): correct DATABASE_URL" in ended.stderr


def test_an_older_demo_is_to_be_started_once(shop: Shop) -> None:
    folder = shop.database_path.parent
    shop.database_path.rename(folder / "demo.db")
    query(folder / "demo.db", "UPDATE alembic_version SET version_num = '0014'")

    ended = shop.events("list", "--demo", str(folder))

    assert (ended.exit_code, ended.stdout) == (1, "")
    assert ended.stderr.endswith(f": start altan-checkout demo --folder {folder} once\n")


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
    assert run(tmp_path, "migrate", **GOOD).returncode == 0

    ended = run(tmp_path, "events", "list", "--json", **GOOD)

    assert (ended.returncode, json.loads(ended.stdout)) == (0, [])


def test_without_a_command_it_names_them_all(tmp_path: Path) -> None:
    ended = run(tmp_path, "events", **GOOD)

    for command in ("list", "show", "replay", "rebuild"):
        assert command in ended.stdout + ended.stderr
