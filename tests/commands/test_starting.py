"""What `serve` and `migrate` do to the database, and say, before anything is served."""

from pathlib import Path

from tests.commands.test_cli import GOOD, prepared, run, run_python
from tests.support.builders import query


def test_migrate_makes_the_database_and_may_be_run_again(tmp_path: Path) -> None:
    first, second = (run(tmp_path, "migrate", **GOOD) for _ in range(2))

    assert (first.returncode, second.returncode) == (0, 0)
    assert first.stdout == second.stdout == "sqlite:///data/checkout.db is up to date.\n"
    assert (tmp_path / "data" / "checkout.db").exists()


def test_a_database_of_a_later_program_stops_the_start(tmp_path: Path, database_path: Path) -> None:
    query(database_path, "UPDATE alembic_version SET version_num = '9999'")

    ended = run(tmp_path, "serve", **GOOD, DATABASE_URL=f"sqlite:///{database_path}")

    assert ended.returncode == 1
    assert "altan-checkout cannot start: " in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_database_of_a_later_program_is_not_migrated(tmp_path: Path, database_path: Path) -> None:
    query(database_path, "UPDATE alembic_version SET version_num = '9999'")

    ended = run(tmp_path, "migrate", **GOOD, DATABASE_URL=f"sqlite:///{database_path}")

    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("The database was not migrated: the database ")
    assert "install that version" in ended.stderr


def test_a_catalog_that_breaks_after_it_was_checked_is_a_wrong_setting(tmp_path: Path) -> None:
    (tmp_path / "catalog.toml").write_text('[[price]]\nid = "price_A"\n', encoding="utf-8")
    program = (
        "import pathlib, runpy, sys, app.bootstrap as b; prepare = b.prepare\n"
        "def then_break(settings):\n"
        "    prepare(settings); pathlib.Path('catalog.toml').write_text('broken')\n"
        "b.prepare = then_break; sys.argv[1:] = ['serve', '--port', '0']\n"
        "from app.commands.cli import main; main()"
    )

    ended = run_python(tmp_path, "-c", program, **GOOD, CATALOG_FILE="catalog.toml")

    assert ended.returncode == 2
    assert ended.stderr.startswith("CATALOG_FILE is wrong: catalog.toml: ")
    assert len(ended.stderr.splitlines()) == 1


def test_the_start_says_that_without_a_catalog_any_price_can_be_bought(tmp_path: Path) -> None:
    without = prepared(tmp_path, **GOOD)
    (tmp_path / "catalog.toml").write_text('[[price]]\nid = "price_A"\n', encoding="utf-8")
    with_one = prepared(tmp_path, **GOOD, CATALOG_FILE="catalog.toml")

    assert "all prices of the account can be bought" in without.stdout
    assert "all prices" not in with_one.stdout
