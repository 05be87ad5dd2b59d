"""A payment feed whose ticks a test controls, and its followers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.domain.payments.status import PaymentStatus
from app.usecases.live_places import LivePlaces
from app.usecases.payment_feed import Follower, PaymentFeed
from app.usecases.payment_lookup import PaymentDatabase
from app.usecases.read_payment import ReadPayment
from tests.support.builders import DEADLINE_S, event
from tests.support.stripe_objects import refund

REFUNDED = event("refund.created", refund(), id="evt_refunded")
AT_ONCE_S = 0.0
BUYER = "203.0.113.7"
MANY = 10_000


def many_places() -> LivePlaces:
    """For tests without limits on followers."""
    return LivePlaces(in_all=MANY, of_client=MANY, of_payment=MANY)


def make_watch(database: PaymentDatabase, places: LivePlaces | None = None) -> PaymentFeed:
    """Run the feed without pauses between its ticks."""
    return PaymentFeed(
        read_payment=ReadPayment(database=database),
        database=database,
        places=places or many_places(),
        tick_s=0,
    )


@asynccontextmanager
async def ticking(watch: PaymentFeed) -> AsyncIterator[None]:
    running = asyncio.create_task(watch.run())
    try:
        yield
        assert not running.done(), running
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def some_turns() -> None:
    """Give the event loop enough turns for everything that need not wait."""
    for _ in range(50):
        await asyncio.sleep(0)


async def next_status(follower: Follower) -> PaymentStatus:
    view = await follower.next(DEADLINE_S)
    assert view is not None
    return view.status
