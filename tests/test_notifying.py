"""The whole service tells a receiver on a socket, and an independent reader verifies it."""

import asyncio
import base64
import json
from pathlib import Path

import pytest
from standardwebhooks.webhooks import Webhook

from tests.support.builders import (
    SESSION_ID,
    Service,
    SilentAlarm,
    event,
    running_service,
    settings,
)
from tests.support.orders import TOKEN
from tests.support.rows import open_database
from tests.support.wire import Upstream, answer, hangs, upstream

SECRET = f"whsec_{base64.b64encode(b'k' * 32).decode()}"


def postgres_url_in(path: Path) -> str | None:
    return path.read_text() if path.suffix == ".url" else None


def notifying(receiver: Upstream) -> dict[str, object]:
    return {
        "notify_url": f"{receiver.url}/hook",
        "notify_secrets": [SECRET],
        "notify_foreign": True,
        "notify_auth_header": "X-Key: of the flow",
        "api_tokens": [TOKEN],
    }


@pytest.mark.parametrize("database_kind", ["sqlite", "postgres"])
async def test_the_shop_is_told_of_the_order_as_it_would_read_it(
    tmp_path: Path, database_path: Path
) -> None:
    url = await asyncio.to_thread(postgres_url_in, database_path)
    async with upstream(answer(b"thanks")) as receiver:
        values = notifying(receiver) | ({"database_url": url} if url else {})
        async with running_service(settings(tmp_path, **values)) as service:
            await service.deliver(event())
            await receiver.wait_for_requests(1)
            order = await service.client.get(
                f"/orders/{SESSION_ID}", headers={"Authorization": f"Bearer {TOKEN}"}
            )
            metrics = await told(service)

    (request,) = receiver.requests
    body = Webhook(SECRET).verify(request.body, request.headers)
    assert body["type"] == "order.paid"
    assert body["data"] == order.json()
    assert request.headers["webhook-id"].startswith("msg_")
    assert request.headers["x-key"] == "of the flow"
    assert 'altan_checkout_notification_tries_total{result="taken"} 1.0' in metrics


async def told(service: Service) -> str:
    """The metrics, once a notification is taken."""
    while True:
        shown = (await service.client.get("/metrics")).text
        if 'tries_total{result="taken"} 1.0' in shown:
            return shown
        await asyncio.sleep(0.01)


async def test_the_service_stops_soon_though_its_receiver_hangs(
    tmp_path: Path, database_path: Path
) -> None:
    async with upstream(hangs) as receiver:
        values = notifying(receiver)
        async with running_service(settings(tmp_path, **values)) as service:
            await service.deliver(event())
            await receiver.wait_for_requests(1)
            began = asyncio.get_running_loop().time()
        took_s = asyncio.get_running_loop().time() - began

    assert took_s < 15
    database = open_database(database_path, SilentAlarm())
    known = await database.find_notification(receiver.requests[0].headers["webhook-id"])
    await database.close()
    assert known
    assert (known[0].attempts, known[0].leased_until_ms, known[1]) == (0, None, [])
    assert json.loads(receiver.requests[0].body)["type"] == "order.paid"


@pytest.mark.usefixtures("database_path")
async def test_without_a_receiver_nothing_is_sent(tmp_path: Path) -> None:
    async with running_service(settings(tmp_path)) as service:
        await service.deliver(event())
        shown = (await service.client.get("/metrics")).text

    assert "altan_checkout_notification_tries_total{" not in shown
