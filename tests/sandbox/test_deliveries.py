"""The sandbox signs, sends and retries events, as Stripe does."""

import asyncio
import re
import socket
from contextlib import suppress

import pytest
from stripe import WebhookSignature

from sandbox.stripe.delivery import DeliveryState
from sandbox.stripe.trouble import Trouble
from tests.support.sandbox.delivering import (
    NO_TROUBLE,
    SECRET,
    an_event,
    delivering,
    events,
    wait_state,
    webhook_of,
)
from tests.support.sandbox.local_servers import DEADLINE_S, Service


async def test_an_event_arrives_signed_as_stripe_signs(service: Service) -> None:
    event = an_event()

    async with delivering(webhook_of(service)) as deliveries:
        (delivery,) = deliveries.schedule([event], NO_TROUBLE)
        await delivery.wait_answered(DEADLINE_S)

    (received,) = service.received
    assert received.body == event.body
    assert received.user_agent.startswith("Stripe/1.0")
    assert WebhookSignature.verify_header(event.body.decode(), received.signature, SECRET, 300)
    assert delivery.state is DeliveryState.DELIVERED


@pytest.mark.parametrize("status_code", [307, 400, 404, 500, 503])
async def test_anything_but_2xx_is_tried_again_and_a_redirect_is_not_followed(
    service: Service, status_code: int
) -> None:
    service.answers.append(status_code)

    async with delivering(webhook_of(service), retry_delays_s=(0,)) as deliveries:
        (delivery,) = deliveries.schedule([an_event()], NO_TROUBLE)
        await wait_state(delivery, DeliveryState.DELIVERED)

    assert [attempt.status_code for attempt in deliveries.attempts] == [status_code, 200]
    assert [attempt.number for attempt in deliveries.attempts] == [1, 2]
    assert len(service.received) == 2


async def test_each_retry_carries_the_same_bytes_and_a_new_time(service: Service) -> None:
    service.answers.extend([500, 500])

    async with delivering(
        webhook_of(service), retry_delays_s=(0, 0), ticks=(100.9, 101.9, 107.9)
    ) as deliveries:
        (delivery,) = deliveries.schedule([an_event()], NO_TROUBLE)
        await wait_state(delivery, DeliveryState.DELIVERED)

    assert len({received.body for received in service.received}) == 1
    times = [re.findall(r"t=(\d+),", received.signature)[0] for received in service.received]
    assert times == ["100", "101", "107"]
    assert len({received.signature for received in service.received}) == 3


async def test_after_the_last_retry_the_delivery_has_failed(service: Service) -> None:
    service.answers.extend([500, 500, 500])

    async with delivering(webhook_of(service), retry_delays_s=(0, 0)) as deliveries:
        (delivery,) = deliveries.schedule([an_event()], NO_TROUBLE)
        await wait_state(delivery, DeliveryState.FAILED)

    assert len(service.received) == 3


async def test_a_refused_connection_is_an_attempt_that_failed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closing:
        url = f"http://127.0.0.1:{closing.getsockname()[1]}"

    async with delivering(url, retry_delays_s=(0,)) as deliveries:
        (delivery,) = deliveries.schedule([an_event()], NO_TROUBLE)
        await wait_state(delivery, DeliveryState.FAILED)

    assert [attempt.status_code for attempt in deliveries.attempts] == [None, None]
    assert str(deliveries.attempts[0].error).startswith("ConnectError")


async def test_a_service_that_does_not_answer_is_given_up(service: Service) -> None:
    service.gate.clear()

    async with delivering(webhook_of(service), attempt_s=0.05) as deliveries:
        (delivery,) = deliveries.schedule([an_event()], NO_TROUBLE)
        await wait_state(delivery, DeliveryState.FAILED)

    assert str(deliveries.attempts[0].error).startswith("ReadTimeout")


async def test_an_answer_that_trickles_in_is_given_up() -> None:
    hung_up = asyncio.Event()

    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
        with suppress(ConnectionError):
            while True:
                writer.write(b".")
                await writer.drain()
                # The pause is the trickle itself, well below the limit of one read.
                await asyncio.sleep(0.02)
        writer.close()
        hung_up.set()

    async with await asyncio.start_server(trickle, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        async with delivering(f"http://{host}:{port}", attempt_s=0.2) as deliveries:
            (delivery,) = deliveries.schedule([an_event()], NO_TROUBLE)
            await wait_state(delivery, DeliveryState.FAILED)
        async with asyncio.timeout(DEADLINE_S):
            await hung_up.wait()

    assert deliveries.attempts[0].error == "ReadTimeout: The response took too long."


async def test_of_a_huge_answer_only_the_status_counts(service: Service) -> None:
    service.answer_body = b"x" * 1_000_000

    async with delivering(webhook_of(service)) as deliveries:
        (delivery,) = deliveries.schedule([an_event()], NO_TROUBLE)
        await wait_state(delivery, DeliveryState.DELIVERED)


async def test_an_acts_events_arrive_in_order(service: Service) -> None:
    async with delivering(webhook_of(service)) as deliveries:
        deliveries.schedule(events("a", "b", "c"), NO_TROUBLE)
        await service.wait_received(3)

    assert service.types == ["a", "b", "c"]


async def test_an_acts_events_arrive_in_reverse_on_request(service: Service) -> None:
    async with delivering(webhook_of(service)) as deliveries:
        deliveries.schedule(events("a", "b", "c"), Trouble(reverse=True))
        await service.wait_received(3)

    assert service.types == ["c", "b", "a"]


async def test_copies_of_an_event_arrive_at_the_same_moment(service: Service) -> None:
    service.gate.clear()

    async with delivering(webhook_of(service)) as deliveries:
        (delivery,) = deliveries.schedule([an_event()], Trouble(duplicate=3))
        await service.wait_received(3)
        assert not deliveries.attempts
        service.gate.set()
        await delivery.wait_answered(DEADLINE_S)

    assert len({received.body for received in service.received}) == 1


async def test_a_copy_that_failed_is_tried_again_although_another_arrived(
    service: Service,
) -> None:
    service.answers.extend([200, 500, 500])

    async with delivering(webhook_of(service), retry_delays_s=(0,)) as deliveries:
        (delivery,) = deliveries.schedule([an_event()], Trouble(duplicate=2))
        await service.wait_received(3)

    assert delivery.state is DeliveryState.DELIVERED
