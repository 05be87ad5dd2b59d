"""docs/altan.md's function for Deno, as it stands, told by the service: each message counts once.

Deno's program comes from npm. The table is a stand-in for PostgREST: it ignores a row whose id
it has, if the request asks for that. It is skipped where npm has no Deno for this machine.
"""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from tests.clients.test_receiver_kits import (
    IDS,
    NODE_MODULES,
    SECRET,
    kit,
    resend,
    sell_and_tell,
    taken_twice,
)
from tests.support.builders import running_service, settings, until
from tests.support.docs.documents import ROOT, marked
from tests.support.wire import Connection, Upstream, answer, upstream

KEY = "service-key-of-the-cloud"
PROGRAMS = list(NODE_MODULES.glob("@deno/*/deno*"))


@dataclass
class Table:
    """`messages`, behind PostgREST."""

    server: Upstream | None = None
    rows: dict[str, str] = field(default_factory=dict)
    inserted: int = 0
    posts: int = 0

    async def serve(self, connection: Connection) -> None:
        assert self.server
        request = self.server.requests[-1]
        assert request.line.startswith("POST /rest/v1/messages")
        assert request.headers["apikey"] == KEY
        assert "resolution=ignore-duplicates" in request.headers["prefer"]
        row = json.loads(request.body)
        self.posts += 1
        self.inserted += row["id"] not in self.rows
        self.rows.setdefault(row["id"], row["type"])
        await connection.send(answer(b"", status="201 Created"))


@pytest.mark.thorough
@pytest.mark.skipif(not PROGRAMS, reason="npm has no Deno for this machine")
async def test_the_function_stores_what_is_signed_and_each_message_once(
    tmp_path: Path, database_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, folder = Table(), tmp_path / "kit"
    await asyncio.to_thread(folder.mkdir)

    def deno(folder: Path, port: int) -> Sequence[str]:
        (block,) = marked("ts", "tell", path=ROOT / "docs/altan.md")
        (folder / "receiver.ts").write_text(block.text)
        (folder / "package.json").write_text((NODE_MODULES.parent / "package.json").read_text())
        (folder / "node_modules").symlink_to(NODE_MODULES)
        monkeypatch.setenv("DENO_SERVE_ADDRESS", f"tcp:127.0.0.1:{port}")
        rights = ["--allow-net=127.0.0.1", "--allow-env", "--cached-only"]
        return [str(PROGRAMS[0]), "run", *rights, "--node-modules-dir=manual", "receiver.ts"]

    async with upstream(table.serve) as table.server:
        monkeypatch.setenv("SUPABASE_URL", table.server.url)
        monkeypatch.setenv("SUPABASE_KEY", KEY)
        monkeypatch.setenv("DENO_NO_UPDATE_CHECK", "1")
        async with kit(folder, deno) as url:
            changes = {"notify_url": url, "notify_secrets": [SECRET]}
            async with (
                httpx.AsyncClient(trust_env=False) as anybody,
                running_service(settings(tmp_path, **changes)) as service,
            ):
                forged = await anybody.post(url, json={"type": "order.paid", "data": {}})
                await sell_and_tell(service, database_path)
                await until(lambda: set(table.rows) >= IDS)
                assert await resend(database_path)
                await until(lambda: taken_twice(database_path))

    assert forged.status_code == 400
    assert {id_: table.rows[id_] for id_ in IDS} == dict.fromkeys(IDS, "order.paid")
    assert (table.inserted, table.posts) == (len(table.rows), len(table.rows) + 1)
