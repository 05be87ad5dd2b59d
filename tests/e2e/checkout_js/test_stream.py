"""/checkout.js follows a payment by stream."""

from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.browser.shop_page import Shop, ShopPage, service_environment
from tests.support.browser.watching_page import CLOSED, NO_EVENT_SOURCE, SEEN_STREAMS, polls
from tests.support.cluster.balancer import running_balancer
from tests.support.processes import running_process


async def test_a_stream_sends_each_change_at_once(visit: ShopPage) -> None:
    checkout_id, session_id = await visit.shop.new_checkout()

    await visit.watch(checkout_id)
    await visit.until("told.length === 1")
    await visit.shop.pays(session_id)
    await visit.until("told.length === 2")

    assert await visit.statuses() == ["open", "paid"]
    paid = await visit.page.evaluate("told[1]")
    assert (paid["checkout_id"], paid["amount_total"]) == (checkout_id, 1999)
    assert len(visit.sent("GET", "/events")) == 1
    assert polls(visit) == []


async def test_where_nothing_more_can_happen_the_stream_is_closed(shop: Shop) -> None:
    checkout_id, session_id = await shop.new_checkout()
    async with shop.visited(init_script=SEEN_STREAMS) as visit:
        await visit.watch(checkout_id)
        await visit.until("told.length === 1")

        await shop.tell("checkout.session.expired", session_id, payment_status="unpaid")
        await visit.until("told.length === 2")

        assert await visit.statuses() == ["open", "expired"]
        await visit.until(CLOSED)  # by the service, for a recovery might have followed


async def test_where_nothing_more_can_happen_it_is_not_asked_again(shop: Shop) -> None:
    checkout_id, session_id = await shop.new_checkout()
    await shop.tell("checkout.session.expired", session_id, payment_status="unpaid")
    async with shop.visited(init_script=NO_EVENT_SOURCE) as visit:
        await visit.stop_the_clock()
        await visit.watch(checkout_id)
        await visit.page.clock.run_for(1)
        await visit.until("told.length === 1")

        await visit.page.clock.run_for(600_000)

        assert await visit.statuses() == ["expired"]
        assert len(polls(visit)) == 1


@pytest.mark.e2e_long
async def test_the_watch_outlasts_the_service(shop: Shop, tmp_path: Path) -> None:
    environment = service_environment(shop.url, shop.upstream)
    async with running_balancer() as balancer, AsyncExitStack() as stack:

        async def start() -> Shop:
            process = await stack.enter_async_context(running_process(tmp_path, **environment))
            balancer.backends = [process.service.address]
            return replace(shop, process=process, balancer_url=balancer.url)

        before = await start()
        checkout_id, session_id = await before.new_checkout()
        visit = await stack.enter_async_context(before.visited())
        await visit.watch(checkout_id)
        await visit.until("told.length === 1")

        before.process.process.terminate()
        await before.process.process.wait()
        after = await start()
        await after.pays(session_id)
        await visit.until("told.length === 2")

        assert await visit.statuses() == ["open", "paid"]
