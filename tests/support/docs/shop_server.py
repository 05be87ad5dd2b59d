"""A shop's server made of docs/fulfil.md's code, with the service and an Altan Pay."""

import asyncio
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.support.builders import Document, Service, event, session
from tests.support.checkout_shop import makes_pages
from tests.support.docs.documents import ROOT, marked
from tests.support.orders import TOKEN
from tests.support.processes import running_process
from tests.support.wire import Upstream, upstream

FULFIL: Final = ROOT / "docs/fulfil.md"
FILES: Final = {"shop.py": "ask", "worker.py": "work", "feed.py": "feed"}


@dataclass(frozen=True, slots=True)
class ShopServer:
    """A folder with the documented files, whose code runs as processes."""

    folder: Path
    service: Service
    altan_pay: Upstream

    async def python(self, code: str) -> str:
        """Run code that may import `shop`, `worker` and `feed`; return what it printed."""
        return await run(self.folder, sys.executable, "-c", code)

    async def node(self, mark: str, end: str) -> str:
        """Run a block in JavaScript and, after it, `end`; return what they printed."""
        return await run_node(self.folder, mark, end, service_url=self.url)

    @property
    def url(self) -> str:
        return str(self.service.client.base_url).rstrip("/")

    async def tell(self, *events: Document) -> None:
        for each in events:
            assert (await self.service.deliver(each)).status_code == 200

    async def pay(self, number: int) -> None:
        """Pay the page that Altan Pay made with its n-th answer."""
        paid = session(
            id=f"cs_test_{number}",
            payment_intent=f"pi_{number}",
            success_url="https://shop.example/",
        )
        await self.tell(event(subject=paid, id=f"evt_paid_{number}"))

    async def order(self, number: str) -> Document:
        """Return the order with the shop's number, as the service has it."""
        answer = await self.service.client.get(
            "/orders",
            params={"client_reference_id": number},
            headers={"Authorization": f"Bearer {TOKEN}"},
        )
        (order,) = answer.json()["orders"]
        found: Document = order
        return found

    def sql(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Run a statement in the shop's own database."""
        with closing(sqlite3.connect(self.folder / "shop.db")) as db, db:
            return db.execute(sql, parameters).fetchall()


@asynccontextmanager
async def running_shop_server(folder: Path) -> AsyncIterator[ShopServer]:
    async with (
        upstream(makes_pages()) as altan_pay,
        running_process(folder, API_TOKENS=TOKEN, ALTAN_PAY_URL=altan_pay.url) as running,
    ):
        server = ShopServer(folder, running.service, altan_pay)
        await asyncio.to_thread(write_files, folder, server.url)
        yield server


def write_files(folder: Path, service_url: str) -> None:
    """Save the document's Python files, for a service at this address."""
    for name, mark in FILES.items():
        (block,) = marked("python", mark, path=FULFIL)
        (folder / name).write_text(_here(block.text, service_url))


async def run_node(folder: Path, mark: str, end: str, *, service_url: str) -> str:
    (block,) = marked("js", mark, path=FULFIL)
    script = folder / f"{mark}.mjs"
    script.write_text(f"{_here(block.text, service_url)}\n{end}\n")
    return await run(folder, "node", str(script))


async def run(folder: Path, *command: str) -> str:
    """Run a program that must succeed, with the token; return what it printed."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env={"API_TOKEN": TOKEN, "PATH": "/usr/local/bin:/usr/bin:/bin"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    printed, problem = await process.communicate()
    assert process.returncode == 0, problem.decode()
    return printed.decode()


def _here(text: str, service_url: str) -> str:
    return text.replace("http://localhost:8000", service_url)
