"""Changes either database from outside a service; `path` is `database_path`'s."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from app.adapters.database.postgres.database import PostgresDatabase
from app.adapters.database.sqlite.database import SqliteDatabase
from tests.support.builders import SilentAlarm, query

_BROKEN: Final = "SELECT no_such_column"
_REFUSED: Final = "SELECT RAISE(ABORT, 'refused')"


def open_database(path: Path, alarm: SilentAlarm) -> SqliteDatabase | PostgresDatabase:
    """Open the database at `path`."""
    if path.suffix == ".url":
        return PostgresDatabase(path.read_text(), alarm)
    return SqliteDatabase(path, alarm)


def no_transaction_is_open(path: Path) -> bool:
    """Return whether no transaction is open."""
    if path.suffix == ".url":
        (row,) = query(
            path,
            "SELECT count(*) AS open FROM pg_stat_activity WHERE datname = current_database()"
            " AND xact_start IS NOT NULL AND pid <> pg_backend_pid()",
        )
        return bool(row["open"] == 0)
    with closing(sqlite3.connect(path, timeout=0)) as stranger:
        stranger.execute("BEGIN IMMEDIATE")  # at once, or it raises
        stranger.rollback()
    return True


def refuse(path: Path, statements: str, *, where: str = "") -> None:
    """Refuse rows of statements such as `INSERT ON checkouts` from now on.

    Only rows for which `where` is true, such as `NEW.id = 'x'`; or all.
    """
    _trigger(path, statements, sqlite=_REFUSED, postgres="RAISE check_violation", where=where)


def break_down(path: Path, statements: str) -> None:
    """Make statements such as `DELETE ON checkouts` fail from now on, for any row."""
    _trigger(path, statements, sqlite=_BROKEN, postgres="RAISE undefined_column")


def mend(path: Path, statements: str) -> None:
    """Undo either of these."""
    table = f" ON {statements.rsplit(maxsplit=1)[-1]}" if path.suffix == ".url" else ""
    query(path, f"DROP TRIGGER of_the_test{table}")


def _trigger(path: Path, statements: str, *, sqlite: str, postgres: str, where: str = "") -> None:
    when = f"WHEN ({where})" if where else ""
    if path.suffix == ".url":
        function = (
            "CREATE FUNCTION of_the_test() RETURNS trigger LANGUAGE plpgsql AS"
            f" 'BEGIN {postgres}; END'"
        )
        query(path, function)
        action = f"FOR EACH ROW {when} EXECUTE FUNCTION of_the_test()"
    else:
        action = f"{when} BEGIN {sqlite}; END"
    query(path, f"CREATE TRIGGER of_the_test BEFORE {statements} {action}")
