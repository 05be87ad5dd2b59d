"""Brings a database's schema to the version that this code expects, and refuses any other.

Alembic is imported only when there is something to do: a serving process does without it.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from app.adapters.database.sqlite import connect

SCHEMA_REVISION: Final = "0001"

_MIGRATIONS: Final = Path(__file__).parent / "migrations"


class MigrationError(Exception):
    """The schema cannot be brought up to date; the words say why and what to do."""


def migrate(path: Path) -> None:
    """Create or upgrade the SQLite file at `path`. Safe when several processes start at once.

    Raises:
        MigrationError: the file cannot be opened or written, or is of a later version than this.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(connect(path)) as connection:
            if current_revision(connection) != SCHEMA_REVISION:
                _upgrade(connection)
    except (OSError, sqlite3.Error) as error:
        raise MigrationError(
            f"the database {path} cannot be opened for writing ({error}): "
            "check that the folder exists, belongs to this user and has space"
        ) from error


def current_revision(connection: sqlite3.Connection) -> str | None:
    """The schema's revision; None for an empty database."""
    tables = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'alembic_version'"
    if connection.execute(tables).fetchone() is None:
        return None
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else None


def _upgrade(connection: sqlite3.Connection) -> None:
    """Run what is missing, in one transaction that begins by taking SQLite's write lock."""
    from alembic import command  # noqa: PLC0415 see the module's docstring
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util.exc import CommandError  # noqa: PLC0415
    from sqlalchemy import create_engine, event  # noqa: PLC0415
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415
    from sqlalchemy.pool import StaticPool  # noqa: PLC0415

    engine = create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)
    event.listen(engine, "begin", lambda begun: begun.exec_driver_sql("BEGIN IMMEDIATE"))
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    try:
        with engine.begin() as begun:
            config.attributes["connection"] = begun
            command.upgrade(config, "head")
    except CommandError as error:
        raise MigrationError(
            f"the database's schema ({current_revision(connection)}) is of a later version than "
            f"this program's ({SCHEMA_REVISION}): run the newer program again"
        ) from error
    except DBAPIError as error:
        raise sqlite3.OperationalError(str(error.orig)) from error
