"""A service with a key finds what was not delivered; a sick API of Stripe's touches nothing."""

import asyncio
from pathlib import Path

import pytest
from httpx import AsyncClient

from app.settings.settings import Settings
from tests.support.builders import (
    ACCOUNT,
    NOW_S,
    SESSION_ID,
    Document,
    event,
    running_service,
    settings,
)
from tests.support.stripe_api_calls import KEY, says_json
from tests.support.wire import (
    Script,
    Upstream,
    answer,
    closed_port,
    hangs,
    resets,
    says_and_closes,
    upstream,
)

NOTHING = says_json({"object": "list", "data": [], "has_more": False})

SICKNESSES: list[Script | bytes] = [
    hangs,
    resets,
    says_and_closes(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"),
    answer(b"", status="500 No"),
    answer(b"", "Retry-After: 1", status="429 Slowly"),
    answer(b"<html>"),
    says_json({"object": "list", "data": [{"id": "evt_1"}], "has_more": True}),
]
NOTHING_UNREAD = "altan_checkout_unread_at_stripe_total 0.0"
NAMES = ["hang", "reset", "half an answer", "500", "429", "no JSON", "a page that repeats"]


def events(*found: Document) -> bytes:
    return says_json({"object": "list", "data": list(found), "has_more": False})


async def status_of(client: AsyncClient) -> str | None:
    answered = await client.get(f"/checkout/{SESSION_ID}")
    return str(answered.json()["status"]) if answered.status_code == 200 else None


async def until_it_is(client: AsyncClient, status: str) -> None:
    async with asyncio.timeout(60):
        while await status_of(client) != status:  # noqa: ASYNC110 nothing there could set an event
            await asyncio.sleep(0.01)


def watched(folder: Path, server: Upstream, **changes: object) -> Settings:
    keyed = {"stripe_api_key": KEY, "stripe_api_url": server.url, "reconcile_every_s": 1}
    return settings(folder, **keyed | changes)


async def test_a_payment_whose_event_was_lost_is_paid(tmp_path: Path) -> None:
    paid = event(created=NOW_S)
    async with (
        upstream(events(paid), NOTHING) as server,
        running_service(watched(tmp_path, server)) as service,
    ):
        await until_it_is(service.client, "paid")

    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert "stripe-account" not in server.requests[0].headers


async def test_a_platforms_key_acts_for_the_connected_account(tmp_path: Path) -> None:
    async with (
        upstream(NOTHING) as server,
        running_service(watched(tmp_path, server, stripe_api_account_header=True)),
    ):
        await server.wait_for_requests(1)

    assert server.requests[0].headers["stripe-account"] == ACCOUNT


@pytest.mark.parametrize("sickness", SICKNESSES, ids=NAMES)
async def test_a_sick_api_touches_nothing_else(tmp_path: Path, sickness: Script | bytes) -> None:
    async with (
        upstream(sickness) as server,
        running_service(watched(tmp_path, server)) as service,
    ):
        await server.wait_for_requests(1)
        delivered = await service.deliver(event())

        assert delivered.status_code == 200
        assert await status_of(service.client) == "paid"
        assert (await service.client.get("/health/ready")).status_code == 200


@pytest.mark.parametrize("sickness", SICKNESSES, ids=NAMES)
async def test_it_catches_up_after_a_sickness(tmp_path: Path, sickness: Script | bytes) -> None:
    async with (
        upstream(sickness, events(event()), NOTHING) as server,
        running_service(watched(tmp_path, server)) as service,
    ):
        await until_it_is(service.client, "paid")


async def test_it_catches_up_when_connections_are_accepted_again(tmp_path: Path) -> None:
    port = closed_port()
    keyed = {"stripe_api_url": f"http://127.0.0.1:{port}", "reconcile_every_s": 1}
    async with running_service(settings(tmp_path, stripe_api_key=KEY, **keyed)) as service:
        async with asyncio.timeout(60):
            while NOTHING_UNREAD in (await service.client.get("/metrics")).text:  # noqa: ASYNC110 as above
                await asyncio.sleep(0.01)
        ready = await service.client.get("/health/ready")
        async with upstream(events(event()), NOTHING, port=port):
            await until_it_is(service.client, "paid")

    assert ready.status_code == 200


async def test_what_could_not_be_read_is_counted(tmp_path: Path) -> None:
    async with (
        upstream(answer(b"", status="500 No"), NOTHING) as server,
        running_service(watched(tmp_path, server)) as service,
    ):
        await server.wait_for_requests(2)
        metrics = (await service.client.get("/metrics")).text

    assert "altan_checkout_unread_at_stripe_total 1.0" in metrics


async def test_turned_off_it_asks_nothing(tmp_path: Path) -> None:
    async with upstream(NOTHING) as server:
        off = watched(tmp_path, server, reconcile_every_s="off")
        async with running_service(off) as service:
            await service.deliver(event())

    assert server.requests == []
