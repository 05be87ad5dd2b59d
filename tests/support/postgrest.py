"""A small PostgREST over a real PostgreSQL: as much of its documented rules as upserts need.

It looks columns up where `select` names them, inserts a JSON array as one statement, and merges
duplicates by `on_conflict`. It has one schema, `public`, and one role behind one key.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import asyncpg

from tests.support.wire import Connection, Request, Script, Upstream, answer, upstream

KEY = "service-key-hunter2"


_REFUSALS: dict[type[Exception], tuple[int, str]] = {
    asyncpg.UndefinedTableError: (404, "PGRST205"),
    asyncpg.UndefinedColumnError: (400, "42703"),
    asyncpg.CheckViolationError: (400, "23514"),
    asyncpg.UniqueViolationError: (409, "23505"),
}


@dataclass(slots=True)
class Postgrest:
    """The server, and the batches that it took.

    Each of `instead` answers one POST in its place, each of `looks` one GET.
    """

    url: str
    database: "asyncpg.Connection[asyncpg.Record]"
    server: Upstream | None = None
    instead: list[Script | bytes] = field(default_factory=list)
    looks: list[Script | bytes] = field(default_factory=list)
    batches: list[list[dict[str, object]]] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def table(self) -> str:
        assert self.server
        return f"{self.server.url}/rest/v1/checkout_orders"

    async def rows(self) -> list[dict[str, object]]:
        found = await self.database.fetch("SELECT * FROM checkout_orders ORDER BY id")
        return [dict(row) for row in found]

    async def wait_for_batches(self, count: int) -> None:
        async with asyncio.timeout(30), self.changed:
            await self.changed.wait_for(lambda: len(self.batches) >= count)

    async def serve(self, connection: Connection) -> None:
        assert self.server
        request = self.server.requests[-1]
        queue = self.instead if request.line.startswith("POST") else self.looks
        script = queue.pop(0) if queue else await self._answer(request)
        async with self.changed:
            self.changed.notify_all()
        await (connection.send(script) if isinstance(script, bytes) else script(connection))

    async def _answer(self, request: Request) -> bytes:
        method, target, _ = request.line.split(" ")
        url, sent = urlsplit(target), request.headers
        if (sent.get("apikey"), sent.get("authorization")) != (KEY, f"Bearer {KEY}"):
            return said(401, "42501")
        table, asked = url.path.removeprefix("/rest/v1/"), parse_qs(url.query)
        try:
            if method == "GET":
                (columns,), limit = asked["select"], int(asked["limit"][0])
                await self.database.fetch(f"SELECT {columns} FROM {table} LIMIT {limit}")  # noqa: S608 a test's
                return answer(b"[]")
            assert sent["prefer"] == "resolution=merge-duplicates,return=minimal"
            assert sent["content-type"] == "application/json"
            await self._upsert(table, asked["on_conflict"][0], json.loads(request.body))
        except asyncpg.PostgresError as error:
            return said(*_REFUSALS[type(error)])
        return answer(b"", status="201 Created")

    async def _upsert(self, table: str, key: str, rows: list[dict[str, object]]) -> None:
        names = list(rows[0])
        assert all(list(row) == names for row in rows), "all object keys must match"
        listed = ", ".join(f'"{name}"' for name in names)
        merged = ", ".join(f'"{name}" = EXCLUDED."{name}"' for name in names)
        await self.database.execute(
            f"INSERT INTO {table} ({listed}) SELECT {listed}"  # noqa: S608 a test's
            f" FROM json_populate_recordset(null::{table}, $1::json)"
            f" ON CONFLICT ({key}) DO UPDATE SET {merged}",
            json.dumps(rows),
        )
        self.batches.append(rows)


def said(status: int, code: str) -> bytes:
    """PostgREST's answer to what it refuses."""
    body = json.dumps({"code": code, "message": "refused", "details": None, "hint": None})
    return answer(body.encode(), status=f"{status} Refused")


@asynccontextmanager
async def postgrest(url: str, sql: str) -> AsyncIterator[Postgrest]:
    """Run `sql` in the database, and serve it."""
    database = await asyncpg.connect(url)
    try:
        await database.execute(sql)
        served = Postgrest(url, database)
        async with upstream(served.serve) as server:
            served.server = server
            yield served
    finally:
        await database.close()
