"""Over sockets: strangers take all places, and a buyer still learns of the payment."""

import json
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest

from app.databases import AnyDatabase
from app.observability.live_places import LivePlacesReport
from app.observability.metrics import Metrics
from app.usecases.live_places import PLACES_OF_CLIENT_MAX, PLACES_OF_PAYMENT_MAX, Full, LivePlaces
from app.usecases.ports import AlertName
from app.web.api.status import COME_AGAIN_S
from tests.support.builders import (
    DEADLINE_S,
    SESSION_ID,
    Service,
    SilentAlarm,
    event,
    running_service,
    session,
    settings,
)
from tests.support.recording import checkout, keep
from tests.support.status_service import Message, Stream, open_stream, status_service

UNPAID = event(id="evt_unpaid", subject=session(payment_status="unpaid"))
PAID = event("checkout.session.async_payment_succeeded", id="evt_paid")


def status_of(message: Message) -> str:
    return str(json.loads(message.data or "")["status"])


def client_of(service: Service) -> httpx.AsyncClient:
    """With as many connections as one likes."""
    return httpx.AsyncClient(
        base_url=service.client.base_url,
        limits=httpx.Limits(max_connections=None),
        trust_env=False,
        timeout=DEADLINE_S,
    )


async def open_many(
    stack: AsyncExitStack, client: httpx.AsyncClient, count: int, **headers: str
) -> list[Stream]:
    streams = [
        await stack.enter_async_context(open_stream(client, f"cs_test_{number}", **headers))
        for number in range(count)
    ]
    for stream in streams:
        await stream.next_status()
    return streams


@pytest.fixture
async def strangers_payments(service: Service) -> None:
    """What the stranger watches: other payments than the buyer's."""
    for number in range(PLACES_OF_CLIENT_MAX):
        subject = session(id=f"cs_test_{number}", payment_intent=None, payment_status="unpaid")
        await service.deliver(event(id=f"evt_{number}", subject=subject))
    await service.deliver(UNPAID)


@pytest.mark.usefixtures("strangers_payments")
async def test_at_an_address_that_holds_all_its_places_a_wait_is_answered_at_once(
    service: Service,
) -> None:
    async with client_of(service) as client, AsyncExitStack() as stack:
        await open_many(stack, client, PLACES_OF_CLIENT_MAX)
        path = f"/checkout/{SESSION_ID}"

        first = await client.get(f"{path}?wait=60")
        tag = {"If-None-Match": first.headers["etag"]}
        unchanged = await client.get(f"{path}?wait=60", headers=tag)
        await service.deliver(PAID)
        changed = await client.get(f"{path}?wait=60", headers=tag)

    assert [first.status_code, unchanged.status_code, changed.status_code] == [200, 304, 200]
    assert changed.json()["status"] == "paid"
    assert {each.headers["retry-after"] for each in (first, unchanged)} == {str(COME_AGAIN_S)}


@pytest.mark.usefixtures("strangers_payments")
async def test_without_a_place_a_stream_sends_the_state_once_and_says_when_to_reconnect(
    service: Service,
) -> None:
    async with client_of(service) as client, AsyncExitStack() as stack:
        await open_many(stack, client, PLACES_OF_CLIENT_MAX)

        async with open_stream(client) as stream:
            hint, status, last = await stream.rest()
        metrics = (await client.get("/metrics")).text

    assert (status.name, status_of(status)) == ("status", "processing")
    assert [hint.retry_ms, last.retry_ms] == [COME_AGAIN_S * 1000] * 2
    assert 'altan_checkout_live_places_full_total{full="client"} 1.0' in metrics
    assert 'altan_checkout_alerts_total{name="live_places_full"} 0.0' in metrics


async def test_the_oldest_stream_of_a_payment_ends_and_reconnects_later(service: Service) -> None:
    await service.deliver(UNPAID)
    async with client_of(service) as client, AsyncExitStack() as stack:
        streams = [
            await stack.enter_async_context(open_stream(client))
            for _ in range(PLACES_OF_PAYMENT_MAX + 1)
        ]
        rest = await streams[0].rest()
        for stream in streams[1:]:
            await stream.next_status()
        await service.deliver(PAID)
        told = [status_of(await stream.next_status()) for stream in streams[1:]]

    assert rest[-1].retry_ms == COME_AGAIN_S * 1000
    assert told == ["paid"] * PLACES_OF_PAYMENT_MAX


async def test_when_strangers_hold_all_places_a_buyer_gets_one_of_them(
    database: AnyDatabase,
) -> None:
    await keep(database, checkout())
    full: list[Full] = []
    places = LivePlaces(in_all=4, of_client=2, on_full=full.append)
    async with status_service(database, places=places) as service, AsyncExitStack() as stack:
        strangers = [
            await stack.enter_async_context(service.stream(**{"X-Forwarded-For": address}))
            for address in ("192.0.2.1", "192.0.2.1", "198.51.100.2", "198.51.100.2")
        ]
        async with service.stream(**{"X-Forwarded-For": "203.0.113.7"}) as buyer:
            await buyer.next_status()
            rest = await strangers[0].rest()
            await service.tell(PAID)
            told = await buyer.next_status()

    assert rest[-1].retry_ms == COME_AGAIN_S * 1000
    assert status_of(told) == "paid"
    assert full == [Full.ALL]


@pytest.mark.parametrize(
    "strangers",
    [
        ["2001:db8:7:1::1", "2001:db8:7:2::1", "2001:db8:7:100::1"],  # one /48
        ["192.0.2.1", "192.0.2.2", "192.0.2.3"],  # one /24
    ],
)
async def test_when_one_network_holds_a_place_at_each_address_a_buyer_gets_one_of_them(
    database: AnyDatabase, strangers: list[str]
) -> None:
    await keep(database, checkout())
    async with (
        status_service(database, places=LivePlaces(in_all=3)) as service,
        AsyncExitStack() as stack,
    ):
        theirs = [
            await stack.enter_async_context(service.stream(**{"X-Forwarded-For": address}))
            for address in strangers
        ]
        async with service.stream(**{"X-Forwarded-For": "203.0.113.7"}) as buyer:
            await buyer.next_status()
            rest = await theirs[0].rest()
            await service.tell(PAID)
            told = await buyer.next_status()

    assert rest[-1].retry_ms == COME_AGAIN_S * 1000
    assert status_of(told) == "paid"


async def test_a_wait_that_loses_its_place_gets_the_current_state(database: AnyDatabase) -> None:
    await keep(database, checkout())
    places = LivePlaces(in_all=2)
    async with status_service(database, places=places) as service:
        stranger = {"X-Forwarded-For": "192.0.2.1"}
        async with (
            service.waiting(**stranger) as oldest,
            service.waiting(**stranger) as newest,
            service.stream(**{"X-Forwarded-For": "203.0.113.7"}),
        ):
            answer = await oldest
            assert not newest.done()

    assert (answer.status_code, answer.json()["status"]) == (200, "open")
    assert answer.headers["retry-after"] == str(COME_AGAIN_S)


async def test_between_many_with_one_place_each_the_last_is_answered_at_once(
    database: AnyDatabase,
) -> None:
    await keep(database, checkout())
    async with (
        status_service(database, places=LivePlaces(in_all=1)) as service,
        service.waiting(**{"X-Forwarded-For": "192.0.2.1"}) as waiting,
    ):
        answer = await service.wait(**{"X-Forwarded-For": "203.0.113.7"})
        assert not waiting.done()

    assert (answer.status_code, answer.json()["status"]) == (200, "open")


async def test_behind_a_trusted_proxy_each_client_has_its_own_places(database_path: Path) -> None:
    trusting = settings(database_path.parent, trusted_proxies="127.0.0.1")
    async with (
        running_service(trusting) as service,
        client_of(service) as client,
        AsyncExitStack() as stack,
    ):
        for number in range(PLACES_OF_CLIENT_MAX):
            subject = session(id=f"cs_test_{number}", payment_intent=None)
            await service.deliver(event(id=f"evt_{number}", subject=subject))
        await service.deliver(UNPAID)
        await open_many(stack, client, PLACES_OF_CLIENT_MAX, **{"X-Forwarded-For": "192.0.2.1"})

        async with open_stream(client, **{"X-Forwarded-For": "203.0.113.7"}) as stream:
            await stream.next_status()
            await service.deliver(PAID)
            told = await stream.next_status()

    assert status_of(told) == "paid"


def test_only_a_full_process_alerts_the_owner() -> None:
    metrics, alarm = Metrics(), SilentAlarm()
    report = LivePlacesReport(metrics, alarm)

    for full in (Full.CLIENT, Full.NETWORK, Full.PAYMENT):
        report(full)
    assert alarm.names == []
    report(Full.ALL)

    assert alarm.names == [AlertName.LIVE_PLACES_FULL]
    shown = metrics.exposition().decode()
    assert all(f'live_places_full_total{{full="{full}"}} 1.0' in shown for full in Full)
