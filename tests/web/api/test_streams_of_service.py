"""Streams of the whole service: CORS, webhooks, and its end."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest

from app.usecases.live_places import PLACES_OF_PAYMENT_MAX
from tests.support.builders import DEADLINE_S, SESSION_ID, Service, event, session
from tests.support.processes import running_process
from tests.support.status_service import open_stream

UNPAID = event(id="evt_unpaid", subject=session(payment_status="unpaid"))
PAID = event("checkout.session.async_payment_succeeded", id="evt_paid")


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [("https://shop.example", "https://shop.example"), ("https://elsewhere.example", None)],
)
async def test_the_shops_pages_alone_may_read_it(
    service: Service, origin: str, allowed: str | None
) -> None:
    await service.deliver(event())

    async with open_stream(service.client, Origin=origin) as stream:
        await stream.next_status()

    assert stream.response.headers.get("access-control-allow-origin") == allowed


async def test_a_page_may_say_what_it_has_seen(service: Service) -> None:
    answer = await service.client.options(
        f"/checkout/{SESSION_ID}/events",
        headers={
            "Origin": "https://shop.example",
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "Last-Event-ID",
        },
    )

    assert answer.status_code == 200


async def test_all_streams_of_a_payment_show_a_webhooks_change(service: Service) -> None:
    await service.deliver(UNPAID)
    limits = httpx.Limits(max_connections=None)
    async with (
        httpx.AsyncClient(
            base_url=service.client.base_url, limits=limits, trust_env=False, timeout=DEADLINE_S
        ) as client,
        AsyncExitStack() as stack,
    ):
        streams = [
            await stack.enter_async_context(open_stream(client))
            for _ in range(PLACES_OF_PAYMENT_MAX)
        ]
        for stream in streams:
            await stream.next_status()
        await service.deliver(PAID)
        messages = await asyncio.gather(*(stream.next_status() for stream in streams))

    assert len({message.data for message in messages}) == 1
    assert '"status":"paid"' in (messages[0].data or "")


async def test_sigterm_ends_streams_and_waits_at_once_and_the_process_with_them(
    database_path: Path,
) -> None:
    async with running_process(database_path.parent) as running:
        service = running.service
        await service.deliver(UNPAID)
        async with open_stream(service.client) as stream:
            await stream.next_status()
            reader, writer = await asyncio.open_connection(*service.address)
            writer.write(f"GET /checkout/{SESSION_ID}?wait=60 HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            async with open_stream(service.client) as second:  # when this is open, they wait
                await second.next_status()
                running.process.terminate()
                rest = [await stream.rest(), await second.rest()]
            answer = await asyncio.wait_for(reader.read(), DEADLINE_S)
            writer.close()
        status = await asyncio.wait_for(running.process.wait(), DEADLINE_S)

    assert [[message.retry_ms for message in each] for each in rest] == [[1000], [1000]]
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert answer.endswith(b"}")
    assert status in {0, 143, -15}
    assert not [line for line in running.lines if "Traceback" in line]
