"""docs/fulfil.md's receiver in FastAPI as a process that can be killed, and what it stored."""

import asyncio
import base64
import json
import os
import sqlite3
import sys
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.support.builders import Document, until
from tests.support.docs.documents import ROOT, marked
from tests.support.ports import free_port, is_listening

SECRET: Final = f"whsec_{base64.b64encode(b'k' * 32).decode()}"

# The kit's own table ignores a second row of an order; this one shows that it was tried.
_COUNTS_DELIVERIES: Final = """
    CREATE TABLE delivered (order_id TEXT);
    CREATE TABLE to_deliver (order_id TEXT PRIMARY KEY);
    CREATE TRIGGER counts BEFORE INSERT ON to_deliver
    BEGIN INSERT INTO delivered VALUES (NEW.order_id); END;
"""


@dataclass(frozen=True, slots=True)
class Told:
    """A message that the kit stored."""

    id: str
    type: str
    order: Document


@dataclass(slots=True)
class Kit:
    """The receiver in a folder of its own; after a kill it starts again on the same port."""

    folder: Path
    port: int = field(default_factory=free_port)
    _process: asyncio.subprocess.Process | None = None

    def __post_init__(self) -> None:
        self.folder.mkdir()
        (block,) = marked("python", "tell", path=ROOT / "docs/fulfil.md")
        (self.folder / "receiver.py").write_text(block.text)
        with closing(sqlite3.connect(self._file)) as db:
            db.executescript(_COUNTS_DELIVERIES)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/notifications"

    async def start(self) -> None:
        command = ["-m", "uvicorn", "receiver:app", "--port", str(self.port)]
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            *command,
            cwd=self.folder,
            env={**os.environ, "NOTIFY_SECRET": SECRET},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        await until(lambda: is_listening(self.port))

    async def kill(self) -> None:
        assert self._process
        self._process.kill()
        await self._process.wait()

    def told_count(self) -> int:
        (row,) = self._ask("SELECT count(*) FROM messages") if self._has_begun() else ((0,),)
        return int(str(row[0]))

    def told(self) -> list[Told]:
        """Return the messages in the order of their first arrival."""
        rows = self._ask("SELECT id, type, data FROM messages ORDER BY rowid")
        return [Told(str(id_), str(type_), json.loads(str(data))) for id_, type_, data in rows]

    def delivered(self) -> list[str]:
        """Return the orders that the kit fulfilled, as often as it did."""
        return [str(order_id) for (order_id,) in self._ask("SELECT order_id FROM delivered")]

    @property
    def _file(self) -> Path:
        return self.folder / "shop.db"

    def _has_begun(self) -> bool:
        return bool(self._ask("SELECT 1 FROM sqlite_master WHERE name = 'messages'"))

    def _ask(self, sql: str) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self._file)) as db:
            return db.execute(sql).fetchall()
