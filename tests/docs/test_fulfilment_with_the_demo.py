"""docs/fulfil.md, "Try it in a minute": the demo notifies a server of one's own."""

import asyncio
import os
import re
import shlex
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.support.builders import until
from tests.support.docs.documents import ROOT, blocks, marked
from tests.support.docs.running import PROGRAM, free_ports, running
from tests.support.docs.shop_server import FULFIL, write_files

CART = {"line_items": [{"price": "price_sandbox_mug", "quantity": 2}]}


async def test_an_order_of_ones_own_is_delivered_and_the_demos_is_not(tmp_path: Path) -> None:
    port, sandbox_port, own_port = free_ports(3)
    service, sandbox = f"http://localhost:{port}", f"http://localhost:{sandbox_port}"
    own_url = f"http://localhost:{own_port}/notifications"
    (receiver,) = marked("python", "tell", path=FULFIL)
    (tmp_path / "receiver.py").write_text(receiver.text)
    write_files(tmp_path, service)
    demo = ("demo", "--port", str(port), "--sandbox-port", str(sandbox_port))

    with running(
        (*PROGRAM, *demo, "--notify-url", own_url),
        folder=tmp_path,
        env=dict(os.environ),
        until="Ctrl-C",
    ) as printed:
        exported = dict(re.findall(r"^  export (\w+)=(\S+)$", printed, re.MULTILINE))
        command = (sys.executable, "-m", "uvicorn", "receiver:app", "--port", str(own_port))
        own = await asyncio.create_subprocess_exec(
            *command, cwd=tmp_path, env=os.environ | exported
        )
        try:
            url = await in_python(start_command(), tmp_path, exported)
            own_session = re.findall(r"/c/pay/(cs_test_\w+)", url)[0]
            async with httpx.AsyncClient(trust_env=False) as client:
                bought = (await client.post(f"{service}/checkout", json=CART)).json()
                for session_id in (bought["session_id"], own_session):
                    await client.post(f"{sandbox}/sandbox/sessions/{session_id}/pay")
            await until(lambda: len(to_deliver(tmp_path / "shop.db")) == 2)
            worked = await in_python("import worker; worker.deliver_waiting()", tmp_path, exported)
        finally:
            own.terminate()
            await own.wait()

    assert f"\nNotifications  {own_url}\n" in printed
    assert worked == "delivered order-1\n"
    assert to_deliver(tmp_path / "shop.db") == [bought["checkout_id"]]


def start_command() -> str:
    """The line of Python that the document starts an order with."""
    (line,) = [
        line
        for block in blocks(FULFIL)
        for line in block.text.splitlines()
        if line.startswith("python3 -c")
    ]
    return shlex.split(line)[2]


async def in_python(code: str, folder: Path, exported: Mapping[str, str]) -> str:
    """Run code beside the document's files; return what it printed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code),
        cwd=folder,
        env=os.environ | exported,
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await process.communicate()
    assert process.returncode == 0
    return printed.decode()


def to_deliver(database: Path) -> list[str]:
    if not database.exists():
        return []
    with closing(sqlite3.connect(database)) as db:
        tables = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'to_deliver'").fetchall()
        return [id_ for (id_,) in db.execute("SELECT order_id FROM to_deliver")] if tables else []


@pytest.mark.parametrize("url", ["shop.test", "http://shop.test/n", "https://169.254.169.254/n"])
def test_an_address_that_is_never_notified_is_refused_before_anything_starts(
    tmp_path: Path, url: str
) -> None:
    ended = subprocess.run(  # noqa: S603 our own program
        (*PROGRAM, "demo", "--notify-url", url),
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode == 2
    assert "--notify-url" in ended.stderr
    assert not list(tmp_path.iterdir())
