"""Runs Alembic's migrations, in a separate process.

`python -m app.adapters.database.upgrade FILE` for SQLite; for PostgreSQL the argument is `-`, and
the URL comes from standard input, because every user of a machine can read command lines.
"""

import asyncio
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool, StaticPool

from app.adapters.database.migrate import UPGRADE_TIMEOUT_S
from app.adapters.database.sqlite.connection_thread import connect

MIGRATIONS: Final = Path(__file__).parent / "migrations"
LOCK_TIMEOUT_S: Final = 10  # for a table with a long read, because others would wait behind us


def upgrade(path: Path, revision: str = "head") -> None:
    """Run missing migrations, in one transaction that starts by taking SQLite's write lock.

    A second process waits for the lock, and then finds nothing to do.
    """
    with closing(connect(path, busy_timeout_s=UPGRADE_TIMEOUT_S)) as connection:
        engine = create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)
        event.listen(engine, "begin", lambda begun: begun.exec_driver_sql("BEGIN IMMEDIATE"))
        with engine.begin() as begun:
            _run(begun, revision)


async def upgrade_postgres(url: str, revision: str = "head") -> None:
    """Run missing migrations, in one transaction that starts by taking the migrations' lock.

    A second process waits for the lock, and then finds nothing to do.
    """
    from sqlalchemy.ext.asyncio import create_async_engine  # noqa: PLC0415 SQLite needs no greenlet

    from app.adapters.database.postgres import connections as postgres  # noqa: PLC0415 nor asyncpg
    from app.adapters.database.postgres.transaction import (  # noqa: PLC0415 nor asyncpg
        LOCKS_OF_THE_SERVICE,
        MIGRATION_LOCK,
    )

    async def connect(**_: object) -> postgres.Connection:
        return await postgres.connect(url, postgres.PooledConnection)

    # No named prepared statements, so that it also works through a pooler.
    unnamed = {"prepared_statement_cache_size": 0, "prepared_statement_name_func": str}
    engine = create_async_engine(
        "postgresql+asyncpg://",
        connect_args={"async_creator_fn": connect, **unnamed},
        poolclass=NullPool,
    )
    async with engine.begin() as begun:
        for limit in ("lock", "statement", "idle_in_transaction_session"):
            await begun.exec_driver_sql(f"SET LOCAL {limit}_timeout = 0")
        await begun.exec_driver_sql(
            f"SELECT pg_advisory_xact_lock({LOCKS_OF_THE_SERVICE}, {MIGRATION_LOCK})"
        )
        await begun.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_S}s'")
        await begun.run_sync(_run, revision)


def _run(begun: Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = begun
    command.upgrade(config, revision)


def main(argument: str) -> int:
    """Upgrade; on failure, print one line to standard error."""
    try:
        if argument == "-":
            asyncio.run(upgrade_postgres(sys.stdin.read()))
        else:
            upgrade(Path(argument))
    except CommandError as error:
        print(f"{error}: was it made by a newer version? Install that one", file=sys.stderr)  # noqa: T201
    except DBAPIError as error:
        print(error.orig, file=sys.stderr)  # noqa: T201
    except (OSError, sqlite3.Error) as error:
        print(error, file=sys.stderr)  # noqa: T201
    else:
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
