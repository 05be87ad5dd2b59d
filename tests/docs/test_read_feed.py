"""docs/fulfil.md's code for the feed, in both languages: it handles each notification once."""

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.builders import event
from tests.support.docs.shop_server import (
    ShopServer,
    run,
    run_node,
    running_shop_server,
    write_files,
)
from tests.support.stripe_objects import refund
from tests.support.wire import answer, upstream

pytestmark = pytest.mark.anyio
PYTHON = """
import feed
for _ in range(2):
    feed.read_feed(lambda message: print(message["type"]), wait=0)
"""
NODE = """
const print = (message) => console.log(message.type);
await readFeed(await readFeed(null, print, 0), print, 0);
"""
GONE = answer(b'{"code": "cursor_expired"}', status="410 Gone")
AGAIN_IN_PYTHON = """
import feed
for _ in range(3):
    try:
        feed.read_feed(feed.handle, wait=0)
    except RuntimeError as error:
        print(error)
"""
AGAIN_IN_NODE = """
const ids = [], take = (message) => ids.push(message.id);
let cursor = null;
for (let n = 0; n < 3; n++) cursor = await readFeed(cursor, take, 0);
console.log(ids.join());
"""


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[ShopServer]:
    async with running_shop_server(tmp_path) as server:
        yield server


@pytest.mark.parametrize("language", ["python", "js"])
async def test_the_code_handles_each_notification_once(server: ShopServer, language: str) -> None:
    await server.tell(event(id="evt_1"), event("refund.created", refund(), id="evt_2"))

    printed = await (server.python(PYTHON) if language == "python" else server.node("feed", NODE))

    assert printed.split() == ["order.paid", "order.refunded"]


def page(*ids: str) -> bytes:
    shown = [{"id": id_, "type": "order.paid", "data": {"id": f"chk_{id_}"}} for id_ in ids]
    return answer(json.dumps({"notifications": shown, "next_cursor": "one"}).encode())


async def test_an_expired_cursor_begins_again_and_repeats_nothing(tmp_path: Path) -> None:
    async with upstream(page("a"), GONE, page("a", "b")) as service:
        write_files(tmp_path, service.url)
        printed = await run(tmp_path, "python3", "-c", AGAIN_IN_PYTHON)

    paths = [request.line for request in service.requests]
    assert printed == '410 {"code": "cursor_expired"}\n'
    assert ["cursor=one" in path for path in paths] == [False, True, False]
    with closing(sqlite3.connect(tmp_path / "shop.db")) as db:
        assert db.execute("SELECT id FROM messages").fetchall() == [("a",), ("b",)]
        assert db.execute("SELECT order_id FROM to_deliver").fetchall() == [("chk_a",), ("chk_b",)]


async def test_an_expired_cursor_begins_again_in_node(tmp_path: Path) -> None:
    async with upstream(page("a"), GONE, page("a", "b")) as service:
        printed = await run_node(tmp_path, "feed", AGAIN_IN_NODE, service_url=service.url)

    assert ["cursor=one" in request.line for request in service.requests] == [False, True, False]
    assert printed == "a,a,b\n"
