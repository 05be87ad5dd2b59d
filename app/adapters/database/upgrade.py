"""Runs Alembic's migrations on one SQLite file: `python -m app.adapters.database.upgrade FILE`."""

import sys
from contextlib import closing
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy import create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from app.adapters.database.connection_thread import connect

MIGRATIONS: Final = Path(__file__).parent / "migrations"


def upgrade(path: Path) -> None:
    """Run what is missing, in one transaction that begins by taking SQLite's write lock.

    Whoever comes second waits for the lock, and then finds nothing left to do.
    """
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    with closing(connect(path)) as connection:
        engine = create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)
        event.listen(engine, "begin", lambda begun: begun.exec_driver_sql("BEGIN IMMEDIATE"))
        with engine.begin() as begun:
            config.attributes["connection"] = begun
            command.upgrade(config, "head")


def main(path: Path) -> int:
    """Upgrade, and say in one line of standard error what went wrong, if anything."""
    try:
        upgrade(path)
    except CommandError as error:
        print(f"{error}; run the newer program that made this schema", file=sys.stderr)  # noqa: T201
    except DBAPIError as error:
        print(error.orig, file=sys.stderr)  # noqa: T201
    else:
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
