"""docs/fulfil.md, "Try it in a minute": the demo notifies a server of one's own."""

import asyncio
import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.support.builders import until
from tests.support.docs.documents import ROOT, marked
from tests.support.docs.running import PROGRAM, free_ports, running

CART = {"line_items": [{"price": "price_sandbox_mug", "quantity": 2}]}


async def test_a_purchase_in_the_demo_reaches_the_receiver(tmp_path: Path) -> None:
    port, sandbox_port, own_port = free_ports(3)
    service, sandbox = f"http://localhost:{port}", f"http://localhost:{sandbox_port}"
    own_url = f"http://localhost:{own_port}/notifications"
    (receiver,) = marked("python", "tell", path=ROOT / "docs/fulfil.md")
    (tmp_path / "receiver.py").write_text(receiver.text)
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
            token = {"Authorization": f"Bearer {exported['API_TOKEN']}"}
            async with httpx.AsyncClient(trust_env=False, headers=token) as client:
                bought = (await client.post(f"{service}/checkout", json=CART)).json()
                await client.post(f"{sandbox}/sandbox/sessions/{bought['session_id']}/pay")
                order = (await client.get(f"{service}/orders/{bought['checkout_id']}")).json()
            await until(lambda: bought["checkout_id"] in to_deliver(tmp_path / "shop.db"))
        finally:
            own.terminate()
            await own.wait()

    assert f"\nNotifications  {own_url}\n" in printed
    assert (order["status"], order["created_by"]) == ("paid", "server")


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
