import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import orjson
import pytest
from structlog.testing import capture_logs

from app.adapters.alert_webhook import WAITING_MAX, AlertWebhook
from app.usecases.ports import AlertName
from tests.support.builders import until
from tests.support.wire import answer, closed_port, hangs, resets, upstream

OK = answer(b"ok")
MISMATCH = AlertName.PRICE_MISMATCH


def text(name: AlertName, words: str, is_over: bool) -> str:  # noqa: FBT001 the channel's own
    return f"altan-checkout: *{name}*{' is over' if is_over else ''}: {words}"


@asynccontextmanager
async def chat(url: str) -> AsyncIterator[AlertWebhook]:
    async with httpx.AsyncClient(trust_env=False) as client:
        webhook = AlertWebhook(url, client, text=text)
        task = asyncio.create_task(webhook.run())
        try:
            yield webhook
            assert not task.done()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_an_alert_is_posted_as_slack_wants_it() -> None:
    async with upstream(OK) as server, chat(f"{server.url}/services/T0/B0/x") as tell:
        tell(MISMATCH, 'cs_1 differs "so"')
        await server.wait_for_requests(1)

    (request,) = server.requests
    assert request.line == "POST /services/T0/B0/x HTTP/1.1"
    assert request.headers["content-type"] == "application/json"
    assert orjson.loads(request.body) == {
        "text": 'altan-checkout: *price_mismatch*: cs_1 differs "so"'
    }


async def test_alerts_are_posted_in_order() -> None:
    async with upstream(OK) as server, chat(server.url) as tell:
        for number in range(3):
            tell(MISMATCH, f"{number}")
        await server.wait_for_requests(3)

    assert [orjson.loads(request.body)["text"][-1] for request in server.requests] == [
        "0",
        "1",
        "2",
    ]


@pytest.mark.parametrize(
    "trouble", [resets, answer(b"no", status="500 No"), answer(b"", "Location: /", status="302 F")]
)
async def test_a_chat_in_trouble_is_logged_and_the_next_alert_still_comes(
    trouble: bytes,
) -> None:
    with capture_logs() as lines:
        async with upstream(trouble, OK) as server, chat(f"{server.url}/secret") as tell:
            tell(MISMATCH, "first")
            tell(AlertName.ALTAN_PAY_DOWN, "second")
            await server.wait_for_requests(2)
            await until(lambda: bool(lines))

    assert [line["event"] for line in lines] == ["alert_not_posted"]
    assert lines[0]["alert"] == "price_mismatch"
    assert "secret" not in str(lines)


async def test_a_chat_that_is_not_there_is_logged() -> None:
    with capture_logs() as lines:
        async with chat(f"http://127.0.0.1:{closed_port()}") as tell:
            tell(MISMATCH, "words")
            await until(lambda: bool(lines))

    assert lines[0]["error"] == "ConnectError"


async def test_a_chat_that_hangs_delays_nothing_and_a_full_queue_drops_messages() -> None:
    async with upstream(hangs) as server, chat(server.url) as tell:
        tell(MISMATCH, "0")
        await server.wait_for_requests(1)
        loop_time = asyncio.get_running_loop().time
        began_s = loop_time()
        for number in range(10 * WAITING_MAX):
            tell(MISMATCH, f"{number}")
        took_s = loop_time() - began_s

        assert len(server.requests) == 1
    assert took_s < 0.5
