"""docs/fulfil.md's receivers, as they stand, told by the service: each message counts once."""

import asyncio
import base64
import json
import os
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Final

import httpx
import pytest

from tests.support.builders import (
    CHECKOUT_ID,
    SESSION_ID,
    Service,
    SilentAlarm,
    event,
    running_service,
    settings,
    until,
)
from tests.support.docs.documents import ROOT, marked
from tests.support.outbox import POSTED, new_notification, notify
from tests.support.ports import free_port, is_listening
from tests.support.rows import open_database
from tests.support.stripe_objects import review

SECRET: Final = f"whsec_{base64.b64encode(b'k' * 32).decode()}"
NODE_MODULES: Final = Path(__file__).parent / "node_modules"
IDS: Final = {new_notification(number).id for number in (1, 2)}


def python_kit(folder: Path, port: int) -> Sequence[str]:
    (block,) = marked("python", "tell", path=ROOT / "docs/fulfil.md")
    (folder / "receiver.py").write_text(block.text)
    return [sys.executable, "-m", "uvicorn", "receiver:app", "--port", str(port)]


def node_kit(folder: Path, _port: int) -> Sequence[str]:
    (block,) = marked("js", "tell", path=ROOT / "docs/fulfil.md")
    (folder / "receiver.mjs").write_text(block.text)
    (folder / "node_modules").symlink_to(NODE_MODULES)
    return ["node", "receiver.mjs"]


def python_told(folder: Path) -> dict[str, str]:
    with closing(sqlite3.connect(folder / "shop.db")) as db:
        return dict(db.execute("SELECT id, type FROM messages").fetchall())


def node_told(folder: Path) -> dict[str, str]:
    files = (folder / "messages").glob("*.json")
    return {path.stem: json.loads(path.read_text())["type"] for path in files}


@asynccontextmanager
async def kit(folder: Path, make: Callable[[Path, int], Sequence[str]]) -> AsyncIterator[str]:
    """The receiver as a process of its own; its address."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *make(folder, port),
        cwd=folder,
        env={**os.environ, "NOTIFY_SECRET": SECRET, "PORT": str(port)},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await until(lambda: is_listening(port))
        yield f"http://127.0.0.1:{port}/notifications"
    finally:
        process.terminate()
        await process.wait()


async def sell_and_tell(service: Service, path: Path) -> None:
    """A paid order with a flag, and two notifications of it."""
    await service.deliver(event())
    await service.deliver(event("review.opened", review(), id="evt_review"))
    database = open_database(path, SilentAlarm())
    database.posting = POSTED
    of_order = {"session_id": SESSION_ID, "order_id": CHECKOUT_ID}
    await notify(database, *(new_notification(number, **of_order) for number in (1, 2)))
    await database.close()


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("make", "told"), [(python_kit, python_told), (node_kit, node_told)], ids=["fastapi", "express"]
)
async def test_a_receiver_takes_what_is_signed_and_counts_each_message_once(
    tmp_path: Path,
    database_path: Path,
    make: Callable[[Path, int], Sequence[str]],
    told: Callable[[Path], dict[str, str]],
) -> None:
    folder = tmp_path / "kit"
    await asyncio.to_thread(folder.mkdir)
    async with kit(folder, make) as url:
        changes = {"notify_url": url, "notify_secrets": [SECRET]}
        async with (
            httpx.AsyncClient(trust_env=False) as anybody,
            running_service(settings(tmp_path, **changes)) as service,
        ):
            forged = await anybody.post(url, json={"type": "order.paid", "data": {}})
            await sell_and_tell(service, database_path)
            await until(lambda: set(told(folder)) >= IDS)
            again = await resend(database_path)
            await until(lambda: taken_twice(database_path))

    assert forged.status_code == 400
    assert again
    assert {id_: told(folder)[id_] for id_ in IDS} == dict.fromkeys(IDS, "order.paid")
    if make is python_kit:  # for the worker, which sees to the flag
        with closing(sqlite3.connect(folder / "shop.db")) as db:
            (data,) = db.execute("SELECT data FROM messages LIMIT 1").fetchone()
            assert json.loads(data)["flags"] == ["review"]
            assert db.execute("SELECT order_id FROM to_deliver").fetchall() == [(SESSION_ID,)]


async def resend(path: Path) -> bool:
    database = open_database(path, SilentAlarm())
    try:
        return await database.resend_notification(new_notification(1).id, at_ms=0)
    finally:
        await database.close()


def taken_twice(path: Path) -> bool:
    with closing(sqlite3.connect(path)) as db:
        (count,) = db.execute(
            "SELECT count(*) FROM notification_tries WHERE notification_id = ?",
            (new_notification(1).id,),
        ).fetchone()
    return bool(count == 2)
