"""Events that the sandbox delays, withholds, resends or forgets."""

import time

from sandbox.stripe.delivery import DeliveryState
from sandbox.stripe.trouble import Trouble
from tests.support.sandbox.delivering import (
    NO_TROUBLE,
    an_event,
    delivering,
    events,
    wait_state,
    webhook_of,
)
from tests.support.sandbox.local_servers import DEADLINE_S, Service

LONG_S = 3600.0


async def test_delayed_events_are_sent_after_the_delay(service: Service) -> None:
    begun = time.monotonic()

    async with delivering(webhook_of(service)) as deliveries:
        deliveries.schedule([an_event()], Trouble(delay_s=0.1))
        await service.wait_received(1)

    assert time.monotonic() - begun >= 0.1


async def test_a_withheld_event_is_sent_only_when_asked_for(service: Service) -> None:
    async with delivering(webhook_of(service)) as deliveries:
        withheld, other = deliveries.schedule(events("a", "b"), Trouble(withhold=True))

        attempt = await deliveries.resend(withheld)

        assert attempt.status_code == 200
        assert withheld.state is DeliveryState.DELIVERED
        assert other.state is DeliveryState.WITHHELD
        assert service.types == ["a"]


async def test_a_released_event_that_fails_is_tried_again(service: Service) -> None:
    service.answers.append(500)

    async with delivering(webhook_of(service), retry_delays_s=(0,)) as deliveries:
        (withheld,) = deliveries.schedule([an_event()], Trouble(withhold=True))
        attempt = await deliveries.resend(withheld)
        await wait_state(withheld, DeliveryState.DELIVERED)

    assert attempt.status_code == 500


async def test_a_delivered_event_can_be_sent_again_and_stays_delivered(service: Service) -> None:
    async with delivering(webhook_of(service)) as deliveries:
        (delivery,) = deliveries.schedule([an_event()], NO_TROUBLE)
        await delivery.wait_answered(DEADLINE_S)
        service.answers.append(500)

        attempt = await deliveries.resend(delivery)

        assert (attempt.number, attempt.status_code) == (2, 500)
        assert delivery.state is DeliveryState.DELIVERED


async def test_a_forgotten_event_is_not_tried_again(service: Service) -> None:
    service.answers.append(500)

    async with delivering(webhook_of(service), retry_delays_s=(LONG_S,), limit=1) as deliveries:
        (first,) = deliveries.schedule([an_event()], NO_TROUBLE)
        await first.wait_answered(DEADLINE_S)
        (second,) = deliveries.schedule([an_event()], NO_TROUBLE)
        await second.wait_answered(DEADLINE_S)

        assert first.forgotten.is_set()
        assert list(deliveries) == [second]
        assert deliveries.get(first.event.id) is None
        assert [attempt.event_id for attempt in deliveries.attempts] == [second.event.id]

    assert len(service.received) == 2


async def test_a_forgotten_batch_is_not_sent_after_its_delay(service: Service) -> None:
    async with delivering(webhook_of(service), limit=1) as deliveries:
        deliveries.schedule([an_event("late")], Trouble(delay_s=LONG_S))
        deliveries.schedule([an_event("soon")], NO_TROUBLE)
        await service.wait_received(1)

    assert service.types == ["soon"]


async def test_closing_ends_what_waits_and_what_is_under_way(service: Service) -> None:
    service.gate.clear()

    async with delivering(webhook_of(service)) as deliveries:
        deliveries.schedule([an_event()], Trouble(delay_s=LONG_S))
        (under_way,) = deliveries.schedule([an_event()], NO_TROUBLE)
        await service.wait_received(1)
        await deliveries.close()

    assert not under_way.answered.is_set()


async def test_waiting_for_an_answer_ends_with_the_time_given(service: Service) -> None:
    service.gate.clear()

    async with delivering(webhook_of(service)) as deliveries:
        (delivery,) = deliveries.schedule([an_event()], NO_TROUBLE)
        await delivery.wait_answered(0.01)

        assert not delivery.answered.is_set()
