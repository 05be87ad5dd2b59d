"""`altan-checkout copy-database FROM TO`: moves a shop from its SQLite file to PostgreSQL.

Everything happens in one transaction on the target: either all rows are there and verified, or
none. Both databases are locked for writing meanwhile; the source is not changed.
"""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr
from sqlalchemy import Boolean, Table

from app.adapters.database.migrate import MigrationError, current_revision, what_is_wrong
from app.adapters.database.postgres.connections import Connection
from app.adapters.database.postgres.connections import connect as open_postgres
from app.adapters.database.postgres.errors import DRIVER_ERRORS, reason_of
from app.adapters.database.postgres.schema import migrate_postgres
from app.adapters.database.schema import metadata
from app.adapters.database.sqlite.advice import advice_on
from app.adapters.database.sqlite.connection_thread import connect as open_sqlite
from app.settings.database_url import check_database_url, database_name, is_postgres

BATCH: Final = 200  # rows in memory at once; an event may be 1 MiB

Row = tuple[Any, ...]


class CopyError(Exception):
    """The copy failed; the target is unchanged."""


class AddressError(CopyError):
    """FROM or TO is wrong; `argument` is its name."""

    def __init__(self, argument: str, message: str) -> None:
        super().__init__(message)
        self.argument = argument


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """A copied table that is equal on both sides."""

    table: str
    rows: int
    digest: str


def copy_database(source: str, target: str) -> list[Copied]:
    """Copy every table of `source`, an SQLite URL, to `target`, an empty PostgreSQL database.

    Raises:
        AddressError: an argument is wrong.
        CopyError: one of the two cannot be used, or the target is not empty.
    """
    path = Path(_checked(source, "FROM", wants_postgres=False).removeprefix("sqlite:///"))
    _checked(target, "TO", wants_postgres=True)
    if not path.is_file():
        raise AddressError("FROM", f"there is no file {path}")
    try:
        migrate_postgres(target, name=database_name(target))
        with closing(open_sqlite(path)) as file:
            _hold(file, path)
            return asyncio.run(_copy(file, target))
    except MigrationError as error:
        raise CopyError(str(error)) from error
    except sqlite3.Error as error:
        raise CopyError(f"{path} cannot be read: {error}: {advice_on(error)}") from error
    except DRIVER_ERRORS as error:
        raise CopyError(f"{database_name(target)} failed: {reason_of(error)}") from None


def _checked(url: str, name: str, *, wants_postgres: bool) -> str:
    try:
        check_database_url(SecretStr(url))
    except ValueError as error:
        raise AddressError(name, str(error)) from error
    if is_postgres(url) != wants_postgres:
        form = "postgresql://…" if wants_postgres else "sqlite:///…"
        raise AddressError(name, f"must be {form}")
    return url


def _hold(file: sqlite3.Connection, path: Path) -> None:
    """Take the write lock, because writes of a running service would not be copied."""
    file.execute("BEGIN IMMEDIATE")
    revision = current_revision(file)
    advice = "run altan-checkout migrate with the DATABASE_URL of that file"
    if message := what_is_wrong(revision, advice=advice):
        raise CopyError(f"{path} {message}")


async def _copy(file: sqlite3.Connection, target: str) -> list[Copied]:
    connection = await open_postgres(
        target, statement_timeout="0", idle_in_transaction_session_timeout="0"
    )
    try:
        async with connection.transaction():
            await _require_empty(connection)
            return [await _copy_table(file, connection, table) for table in metadata.sorted_tables]
    finally:
        connection.terminate()


async def _require_empty(connection: Connection) -> None:
    for table in metadata.sorted_tables:
        await connection.execute(f"LOCK TABLE {table.name} IN EXCLUSIVE MODE")
        if await connection.fetchval(f"SELECT EXISTS (SELECT FROM {table.name})"):  # noqa: S608 our table
            raise CopyError(f"the target is not empty: {table.name} has rows")


async def _copy_table(file: sqlite3.Connection, connection: Connection, table: Table) -> Copied:
    columns = list(table.columns.keys())
    copied = _Digest()
    for batch in _batches(file, table):
        copied.add(batch)
        await connection.copy_records_to_table(table.name, records=batch, columns=columns)
    await _number_on(connection, table)
    arrived = _Digest()
    async for row in connection.cursor(_select(table), prefetch=BATCH):
        arrived.add([tuple(row)])
    if arrived != copied:
        raise CopyError(
            f"{table.name} differs after the copy: {copied.rows} rows sent, {arrived.rows} stored"
        )
    return Copied(table=table.name, rows=arrived.rows, digest=arrived.hexdigest())


async def _number_on(connection: Connection, table: Table) -> None:
    """Let new rows be numbered after the copied ones, where the database gives the numbers."""
    for column in table.columns:
        if column.identity:
            await connection.execute(
                f"SELECT setval(pg_get_serial_sequence('{table.name}', '{column.name}'),"  # noqa: S608 our table
                f" max({column.name})) FROM {table.name} HAVING count(*) > 0"
            )


def _batches(file: sqlite3.Connection, table: Table) -> Iterator[list[Row]]:
    """Yield the table's rows, with SQLite's numbers converted to booleans."""
    booleans = {n for n, column in enumerate(table.columns) if isinstance(column.type, Boolean)}
    cursor = file.execute(_select(table))
    while rows := cursor.fetchmany(BATCH):
        yield [
            tuple(
                bool(value) if n in booleans and value is not None else value
                for n, value in enumerate(row)
            )
            for row in rows
        ]


def _select(table: Table) -> str:
    """Select all rows ordered by key, which is byte order on both sides."""
    columns = ", ".join(table.columns.keys())
    keys = ", ".join(table.primary_key.columns.keys())
    return f"SELECT {columns} FROM {table.name} ORDER BY {keys}"  # noqa: S608 our tables


class _Digest:
    """A digest of ordered rows: equal if all values and their types are equal."""

    def __init__(self) -> None:
        self.rows = 0
        self._hash = sha256()

    def add(self, rows: list[Row]) -> None:
        for row in rows:
            self.rows += 1
            self._hash.update(repr(row).encode())

    def hexdigest(self) -> str:
        return self._hash.hexdigest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Digest) and self.hexdigest() == other.hexdigest()

    __hash__ = None  # type: ignore[assignment]
