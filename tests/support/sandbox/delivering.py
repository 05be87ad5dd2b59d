"""Deliveries to a simulated service."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import httpx

from sandbox.stripe.deliveries import Deliveries
from sandbox.stripe.delivery import Delivery, DeliveryState
from sandbox.stripe.events import Event, build_event
from sandbox.stripe.trouble import Trouble
from tests.support.sandbox.local_servers import DEADLINE_S, Service

SECRET = "whsec_abc"

NO_TROUBLE = Trouble()


def an_event(event_type: str = "charge.succeeded") -> Event:
    return build_event(event_type, {"id": "ch_1"}, session_id="cs_test_1", created=1)


def events(*types: str) -> list[Event]:
    return [an_event(event_type) for event_type in types]


@asynccontextmanager
async def delivering(
    url: str,
    *,
    retry_delays_s: tuple[float, ...] = (),
    attempt_s: float = DEADLINE_S,
    ticks: Iterable[float] = (),
    limit: int = 1000,
) -> AsyncIterator[Deliveries]:
    """Return deliveries to `url`; `ticks` are the times at which attempts are signed."""
    clock = itertools.chain(ticks, iter(time.time, None)).__next__
    async with httpx.AsyncClient(trust_env=False) as client:
        deliveries = Deliveries(
            client=client,
            url=url,
            secret=SECRET,
            retry_delays_s=retry_delays_s,
            attempt_s=attempt_s,
            clock=clock,
            limit=limit,
        )
        yield deliveries
        await deliveries.close()


def webhook_of(service: Service) -> str:
    return f"{service.url}/webhooks/stripe"


async def wait_state(delivery: Delivery, state: DeliveryState) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while delivery.state is not state:  # noqa: ASYNC110 - a record rings no bell
            await asyncio.sleep(0)
