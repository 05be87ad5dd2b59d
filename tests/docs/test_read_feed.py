"""docs/fulfil.md's code for the feed, in both languages: it handles each notification once."""

import asyncio
import sys
from pathlib import Path

import pytest

from tests.support.builders import event
from tests.support.docs.documents import ROOT, marked
from tests.support.orders import TOKEN
from tests.support.processes import running_process
from tests.support.stripe_objects import refund

pytestmark = pytest.mark.anyio
PAGE = ROOT / "docs/fulfil.md"
PYTHON = """
for _ in range(2):
    read_feed(lambda db, notification: print(notification["type"]), wait=0)
"""
NODE = """
const print = (notification) => console.log(notification.type);
readFeed(null, print, 0).then((cursor) => readFeed(cursor, print, 0));
"""


@pytest.mark.parametrize(
    ("language", "command", "end"), [("python", sys.executable, PYTHON), ("js", "node", NODE)]
)
async def test_the_code_handles_each_notification_once(
    tmp_path: Path, language: str, command: str, end: str
) -> None:
    (block,) = marked(language, "feed", path=PAGE)
    async with running_process(tmp_path, API_TOKENS=TOKEN) as running:
        code = block.text.replace(
            "http://localhost:8000", str(running.service.client.base_url).rstrip("/")
        )
        for document in (event(id="evt_1"), event("refund.created", refund(), id="evt_2")):
            assert (await running.service.deliver(document)).status_code == 200
        script = tmp_path / f"feed.{language}"
        script.write_text(f"{code}\n{end}\n")

        process = await asyncio.create_subprocess_exec(
            command,
            str(script),
            env={"API_TOKEN": TOKEN, "PATH": "/usr/local/bin:/usr/bin:/bin"},
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
        )
        printed, _ = await process.communicate()

    assert printed.decode().split() == ["order.paid", "order.refunded"]
