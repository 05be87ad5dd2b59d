"""Inserts waiting events into the database, as the service writes them."""

import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from tests.support.builders import Document, query, to_body
from tests.support.postgres_server import fetch, run_apart

_PAGE = 1000
_COUNT = "SELECT count(*) AS waiting FROM events WHERE state = 'waiting'"
_Row = tuple[str, str, int, int, bytes]


def put_to_wait(database_path: Path, object_id: str, documents: Sequence[Document]) -> None:
    """Return events about `object_id` only, which no session has named."""
    now_ms = time.time_ns() // 1_000_000
    rows = [
        (each["id"], each["type"], each["created"], now_ms, to_body(each)) for each in documents
    ]
    if database_path.suffix == ".url":
        for at in range(0, len(rows), _PAGE):
            page = rows[at : at + _PAGE]
            run_apart(_fill_postgres(database_path.read_text(), object_id, page))
        return
    with closing(sqlite3.connect(database_path)) as connection, connection:
        connection.executemany(
            "INSERT INTO events (id, type, created_s, received_at_ms, state, payload)"
            " VALUES (?, ?, ?, ?, 'waiting', ?)",
            rows,
        )
        connection.executemany(
            "INSERT INTO event_mentions (object_id, event_id) VALUES (?, ?)",
            [(object_id, row[0]) for row in rows],
        )


async def _fill_postgres(url: str, object_id: str, rows: Sequence[_Row]) -> None:
    columns = [list(column) for column in zip(*rows, strict=True)]
    await fetch(
        url,
        "INSERT INTO events (id, type, created_s, received_at_ms, state, payload)"
        " SELECT id, type, created_s, at_ms, 'waiting', payload FROM"
        " unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bytea[])"
        " AS given (id, type, created_s, at_ms, payload)",
        *columns,
    )
    await fetch(
        url,
        "INSERT INTO event_mentions (object_id, event_id)"
        " SELECT $1, id FROM unnest($2::text[]) AS given (id)",
        object_id,
        columns[0],
    )


def count_waiting(database_path: Path) -> int:
    """Return how many events wait."""
    return int(query(database_path, _COUNT)[0]["waiting"])
