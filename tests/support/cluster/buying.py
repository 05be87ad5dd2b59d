"""What a shop's page and Stripe do with replicas: checkouts, payments, streams."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import httpx

from tests.support.builders import DEADLINE_S, Document, Service, event, session
from tests.support.cluster.fleet import Replica
from tests.support.traffic import CART

STREAM_S: Final = 3 * DEADLINE_S  # an open stream sends comments forever, so this needs a limit


async def start(service: Service) -> Document:
    answer = await service.client.post(
        "/checkout", json=CART, headers={"Accept": "application/json"}
    )
    assert answer.status_code == httpx.codes.OK, answer.text
    checkout: Document = answer.json()
    return checkout


def paid(checkout: Document) -> Document:
    """Send Stripe's event that it was paid."""
    ids = {"session_id": checkout["session_id"], "checkout_id": checkout["checkout_id"]}
    url = "https://shop.example/?" + "&".join(f"{name}={value}" for name, value in ids.items())
    subject = session(id=ids["session_id"], payment_intent=None, success_url=url)
    return event(id=f"evt_{ids['checkout_id']}", subject=subject)


async def deliver(service: Service, document: Document) -> None:
    answer = await service.deliver(document)
    assert answer.status_code == httpx.codes.OK, answer.text


@asynccontextmanager
async def stream(replica: Replica, path: str) -> AsyncIterator[AsyncIterator[str]]:
    """Yield the streamed statuses."""
    async with (
        asyncio.timeout(STREAM_S),
        replica.client.stream("GET", f"{path}/events", timeout=STREAM_S) as answer,
    ):
        assert answer.status_code == httpx.codes.OK

        async def statuses() -> AsyncIterator[str]:
            async for line in answer.aiter_lines():
                if line.startswith("data: "):
                    yield json.loads(line.removeprefix("data: "))["status"]

        yield statuses()
