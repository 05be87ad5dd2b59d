"""The shop's receiver: it takes what is signed, and refuses as it is told to."""

import base64
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from standardwebhooks.webhooks import Webhook

from sandbox.config import SandboxConfig, Waits
from tests.support.sandbox.local_servers import running_sandbox

PATH = "/sandbox/notifications"
BODY = (
    b'{"type":"order.paid","data":{"id":"chk_1","client_reference_id":"order-7","status":"paid"}}'
)
SECRET = SandboxConfig().notify_secret


def headers(id_: str = "msg_1", *, secret: str = SECRET, at_s: float | None = None) -> Any:  # noqa: ANN401 httpx's own
    at = datetime.fromtimestamp(time.time() if at_s is None else at_s, UTC)
    return {
        "webhook-id": id_,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": "v1,bm8= " + Webhook(secret).sign(id_, at, BODY.decode()),
    }


async def post(sandbox: httpx.AsyncClient, given: Mapping[str, str]) -> int:
    return (await sandbox.post(PATH, content=BODY, headers=dict(given))).status_code


async def test_what_is_signed_is_taken_and_shown(sandbox: httpx.AsyncClient) -> None:
    assert "There are no notifications yet" in (await sandbox.get(PATH)).text

    statuses = [await post(sandbox, headers()), await post(sandbox, headers())]

    assert statuses == [204, 204]
    page = (await sandbox.get(PATH)).text
    assert "order.paid" in page
    assert "order-7 · paid · sent again" in page
    tries = (await sandbox.get(f"{PATH}/tries")).json()["tries"]
    assert [each["is_repeated"] for each in tries] == [True, False]


@pytest.mark.parametrize(
    "given",
    [
        {},
        headers() | {"webhook-id": "msg_2"},
        headers(secret=f"whsec_{base64.b64encode(b'x' * 24).decode()}"),
        headers(at_s=1_000_000_000),
        headers() | {"webhook-timestamp": "soon"},
    ],
)
async def test_what_is_not_signed_is_refused_and_not_shown(
    sandbox: httpx.AsyncClient, given: Mapping[str, str]
) -> None:
    assert await post(sandbox, given) == 400
    assert (await sandbox.get(f"{PATH}/tries")).json()["tries"] == []


@pytest.mark.parametrize(("mood", "status"), [("fails", 500), ("gone", 410), ("takes", 204)])
async def test_it_answers_as_it_is_told(sandbox: httpx.AsyncClient, mood: str, status: int) -> None:
    changed = await sandbox.post(f"{PATH}/mood", data={"mood": mood})

    assert (changed.status_code, changed.headers["location"]) == (303, PATH)
    assert await post(sandbox, headers()) == status
    (only,) = (await sandbox.get(f"{PATH}/tries")).json()["tries"]
    assert only["status"] == status
    assert ("notifications resume" in (await sandbox.get(PATH)).text) is (mood == "gone")


async def test_a_demo_that_notifies_another_server_says_so_instead() -> None:
    config = SandboxConfig(notified="http://localhost:3000")
    async with running_sandbox(config) as sandbox:
        page = (await sandbox.get(PATH)).text

    assert "posts notifications to <code>http://localhost:3000</code>" in page
    assert "no notifications yet" not in page
    assert "<button" not in page


async def test_when_it_is_slow_it_answers_late() -> None:
    async with running_sandbox(waits=Waits(slow_s=0.2)) as sandbox:
        await sandbox.post(f"{PATH}/mood", data={"mood": "slow"})
        began = time.perf_counter()

        assert await post(sandbox, headers()) == 204
        assert time.perf_counter() - began >= 0.2


async def test_another_mood_is_refused(sandbox: httpx.AsyncClient) -> None:
    assert (await sandbox.post(f"{PATH}/mood", data={"mood": "odd"})).status_code == 400
