"""Only the service can read SQLite's files, regardless of umask and existing modes."""

import os
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from app.adapters.database.migrate import migrate
from app.adapters.database.private_file import exposed
from app.adapters.database.sqlite.connection_thread import connect


@pytest.fixture(autouse=True)
def _umask_that_hides_nothing() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, int]:
    return {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}


def test_the_database_and_what_lies_beside_it_are_made_for_one_user(tmp_path: Path) -> None:
    path = tmp_path / "checkout.db"
    migrate(path)

    with closing(connect(path)) as connection:
        connection.execute("CREATE TABLE later (id)")
        found = modes(tmp_path)

    assert found == {"checkout.db": 0o600, "checkout.db-wal": 0o600, "checkout.db-shm": 0o600}


def test_a_database_that_was_open_to_others_is_closed_to_them(tmp_path: Path) -> None:
    path = tmp_path / "checkout.db"
    migrate(path)
    with closing(connect(path)) as connection:
        connection.execute("CREATE TABLE later (id)")
        for file in tmp_path.iterdir():
            file.chmod(0o644)
        assert len(exposed(path)) == 3

        migrate(path)

        assert set(modes(tmp_path).values()) == {0o600}
        connection.execute("CREATE TABLE still_works (id)")
    assert exposed(path) == []


def test_a_database_that_nobody_may_write_is_not_made_writable(tmp_path: Path) -> None:
    path = tmp_path / "checkout.db"
    migrate(path)
    path.chmod(0o444)

    migrate(path)

    assert modes(tmp_path)["checkout.db"] == 0o400


def test_a_missing_folder_is_reported_with_sqlites_message(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="unable to open database file"):
        connect(tmp_path / "nowhere" / "checkout.db")
