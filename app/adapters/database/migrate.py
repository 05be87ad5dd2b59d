"""Brings a database's schema to the version that this code expects, and refuses any other.

`upgrade` does the work in a separate process, because Alembic and SQLAlchemy use 24 MB, which a
serving process would keep for something that happens once a release.
"""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Final

from app.adapters.database.private_file import make_private
from app.adapters.database.sqlite.advice import advice_on
from app.adapters.database.sqlite.connection_thread import BUSY_TIMEOUT_S, connect

SCHEMA_REVISION: Final = "0018"
MIGRATE: Final = "run altan-checkout migrate"
UPGRADE_TIMEOUT_S: Final = 600.0


class MigrationError(Exception):
    """The schema cannot be brought up to date; the message says why and what to do."""


def migrate(path: Path) -> None:
    """Create or upgrade the SQLite file at `path`. Safe when several processes start at once.

    Raises:
        MigrationError: the file cannot be opened or written, or is from a later version.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        require_file(path)
        with closing(connect(path)) as connection:
            before = current_revision(connection)
    except (OSError, sqlite3.Error) as error:
        raise MigrationError(
            f"the database {path} cannot be opened for writing ({error}): {advice_on(error)}"
        ) from error
    refuse_newer(before, name=f"the database {path}")
    if before != SCHEMA_REVISION:
        upgrade_in_a_child(str(path), name=f"the database {path}")
    make_private(path)  # only now is it certain that it is ours


def require_file(path: Path) -> None:
    """Refuse a folder, a pipe or a device, before SQLite opens or waits for it.

    Raises:
        MigrationError: it is there, and not a file.
        OSError: nothing can be known about it.
    """
    if path.exists() and not path.is_file():
        kind = "a folder" if path.is_dir() else "not a regular file"
        raise MigrationError(
            f"{path} is {kind}: DATABASE_URL must name the database's file, "
            "such as sqlite:////data/checkout.db"
        )


def require_current(path: Path, *, advice: str = MIGRATE) -> None:
    """Refuse a file that is missing or has another schema, and change nothing.

    Raises:
        MigrationError: it cannot be used as it is; `advice` says how to change the schema.
    """
    try:
        require_file(path)
        if not path.exists():
            raise MigrationError(f"there is no database at {path} (current folder: {Path.cwd()})")
        with closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT_S)) as connection:
            revision = current_revision(connection)
    except (OSError, sqlite3.Error) as error:
        raise MigrationError(
            f"the database {path} cannot be opened ({error}): {advice_on(error)}"
        ) from error
    if message := what_is_wrong(revision, advice=advice):
        raise MigrationError(f"the database {path} {message}")


def what_is_wrong(revision: str | None, *, advice: str = MIGRATE) -> str | None:
    """Return why we cannot use a schema of this revision, and what to do; None if we can."""
    if revision == SCHEMA_REVISION:
        return None
    if revision is None:
        return f"is empty: {advice}"
    if revision < SCHEMA_REVISION:
        return f"is at revision {revision}, and {SCHEMA_REVISION} is expected: {advice}"
    return (
        f"is at revision {revision}, made by a newer version (this one expects {SCHEMA_REVISION}): "
        "install that version, or restore the backup from before the upgrade"
    )


def refuse_newer(revision: str | None, *, name: str) -> None:
    """Refuse a schema that no migration of ours leads away from.

    Raises:
        MigrationError: it is of a newer version.
    """
    if revision is not None and revision > SCHEMA_REVISION:
        raise MigrationError(f"{name} {what_is_wrong(revision)}")


def current_revision(connection: sqlite3.Connection) -> str | None:
    """Return the schema's revision; None for an empty database."""
    tables = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'alembic_version'"
    if connection.execute(tables).fetchone() is None:
        return None
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else None


def upgrade_in_a_child(argument: str, *, name: str, standard_input: str = "") -> None:
    """Run `upgrade`; `name` is the database's name in error messages.

    Raises:
        MigrationError: it failed, or took too long.
    """
    # -P: a shop's folder may contain a package named app, too, which must not be imported.
    command = [sys.executable, "-P", "-m", "app.adapters.database.upgrade", argument]
    try:
        child = subprocess.run(  # noqa: S603 our own module
            command,
            input=standard_input,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            timeout=UPGRADE_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise MigrationError(
            f"{name} was not brought up to date within {UPGRADE_TIMEOUT_S:.0f} s: "
            "check that no other process uses it"
        ) from error
    if child.returncode != 0:
        last_line = child.stderr.strip().rpartition("\n")[2]
        raise MigrationError(f"{name} cannot be brought up to date: {last_line}")
