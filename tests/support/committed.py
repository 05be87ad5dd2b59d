"""What a test writes to a database and reads from it."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from app.databases import AnyDatabase
from app.usecases.records import EventRow
from app.usecases.storage import Transaction
from tests.support.builders import query
from tests.support.stores import (
    EVENT,
)


def count(database_path: Path, table: str = "events") -> int:
    (row,) = query(database_path, f"SELECT count(*) AS rows FROM {table}")  # noqa: S608 our table
    return int(row["rows"])


async def committed(
    database: AnyDatabase, *acts: Callable[[Transaction], Awaitable[object]]
) -> None:
    async def do_all(transaction: Transaction) -> None:
        for act in acts:
            await act(transaction)
        await transaction.commit()

    await database.write(do_all)


def events(*ids: str, **changes: Any) -> list[EventRow]:  # noqa: ANN401 any field
    return [replace(EVENT, id=id_, **changes) for id_ in ids]
