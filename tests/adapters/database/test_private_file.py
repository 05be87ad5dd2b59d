"""Only the service can read SQLite's files, regardless of umask and existing modes."""

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from app.adapters.database.migrate import MigrationError, migrate
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


def test_a_folder_that_the_settings_name_keeps_its_mode(tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o1777)

    with pytest.raises(MigrationError):
        migrate(folder)

    assert modes(tmp_path) == {"shared": 0o1777}


def test_a_pipe_that_the_settings_name_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(MigrationError, match="is not a regular file"):
        migrate(tmp_path / "pipe")

    assert modes(tmp_path) == {"pipe": 0o666}


def test_a_file_that_is_no_database_keeps_its_mode(tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("not a database, but long enough to be looked at " * 50)

    with pytest.raises(MigrationError):
        migrate(notes)

    assert modes(tmp_path) == {"notes.txt": 0o666}


def test_a_database_of_somebody_else_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "others.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE events (id)")
    path.chmod(0o666)

    with pytest.raises(MigrationError):
        migrate(path)

    assert modes(tmp_path) == {"others.db": 0o666}


def test_an_empty_file_that_becomes_a_database_is_closed_to_others(tmp_path: Path) -> None:
    (tmp_path / "checkout.db").touch()

    migrate(tmp_path / "checkout.db")

    assert modes(tmp_path) == {"checkout.db": 0o600}


def test_a_missing_folder_is_reported_with_sqlites_message(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="unable to open database file"):
        connect(tmp_path / "nowhere" / "checkout.db")
