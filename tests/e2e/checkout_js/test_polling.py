"""/checkout.js follows a payment by polling if streams do not work."""

from contextlib import AsyncExitStack
from dataclasses import replace

import pytest
from playwright.async_api import Route

from app.usecases.live_places import PLACES_OF_CLIENT_MAX, PLACES_OF_PAYMENT_MAX
from tests.support.browser.shop_page import Shop, abort, hold
from tests.support.browser.watching_page import CLOSED, NO_EVENT_SOURCE, SEEN_STREAMS, polls
from tests.support.builders import until
from tests.support.cluster.balancer import running_balancer
from tests.support.status_service import open_stream

# Nothing is waited for, and how long each next poll would have been is noted.
NOTED_PAUSES = """
window.pauses = [];
const wait = window.setTimeout;
window.setTimeout = (act, ms, ...args) => {
  if (args.length) pauses.push(ms);
  return wait(act, ms === 30000 && !args.length ? ms : 0, ...args);
};
"""


async def test_a_stream_that_is_held_back_for_five_seconds_is_given_up(shop: Shop) -> None:
    checkout_id, session_id = await shop.new_checkout()
    async with shop.visited(init_script=SEEN_STREAMS) as visit:
        await visit.stop_the_clock()
        await visit.route("/*/events", hold)
        await visit.watch(checkout_id)
        await visit.page.clock.run_for(4_999)
        assert not await visit.page.evaluate(CLOSED)

        await visit.page.clock.run_for(1)
        await visit.until("told.length === 1")
        await visit.page.clock.run_for(1_000)
        await until(lambda: len(polls(visit)) == 2)
        await shop.pays(session_id)
        await visit.until("told.length === 2")

        assert await visit.statuses() == ["open", "paid"]
        assert polls(visit)[1].url.endswith("?wait=25")
        assert await polls(visit)[1].header_value("if-none-match")
        assert await visit.page.evaluate(CLOSED)


@pytest.mark.parametrize("is_told_of_by", ["none", "closed"])
async def test_where_there_is_no_stream_it_is_asked_at_once(shop: Shop, is_told_of_by: str) -> None:
    async def not_a_stream(route: Route) -> None:
        await route.fulfill(status=200, content_type="text/html", body="a proxy's page")

    checkout_id, session_id = await shop.new_checkout()
    script = NO_EVENT_SOURCE if is_told_of_by == "none" else ""
    async with shop.visited(init_script=script) as visit:
        visit.seen.allow('that is not "text/event-stream"')
        await visit.route("/*/events", not_a_stream)

        await visit.watch(checkout_id)
        await visit.until("told.length === 1")
        await shop.pays(session_id)
        await visit.until("told.length === 2")

        assert await visit.statuses() == ["open", "paid"]
        assert all("?wait=25" in request.url for request in polls(visit)[1:])


async def test_a_stream_that_fails_thrice_is_given_up(shop: Shop) -> None:
    checkout_id, session_id = await shop.new_checkout()
    async with running_balancer() as balancer:
        balancer.backends = [shop.process.service.address]
        async with replace(shop, balancer_url=balancer.url).visited() as visit:
            await visit.watch(checkout_id)
            await visit.until("told.length === 1")
            await visit.route("/*/events", abort)

            await balancer.cut()
            await until(lambda: bool(polls(visit)))
            await shop.pays(session_id)
            await visit.until("told.length === 2")

            assert await visit.statuses() == ["open", "paid"]
            assert len(visit.sent("GET", "/events")) == 3


async def test_while_nobody_answers_the_pauses_grow_to_half_a_minute(shop: Shop) -> None:
    async with shop.visited(init_script=NOTED_PAUSES) as visit:
        await visit.route("/**", abort)
        await visit.watch("chk_any")
        await visit.until("pauses.length > 6")

        pauses = await visit.page.evaluate("pauses")

        assert pauses[:7] == [2000, 4000, 8000, 16000, 30000, 30000, 30000]
        assert await visit.page.evaluate("[told, errors]") == [[], []]


async def test_after_an_outage_it_is_asked_as_often_as_before(shop: Shop) -> None:
    checkout_id, _ = await shop.new_checkout()
    async with shop.visited(init_script=NO_EVENT_SOURCE + NOTED_PAUSES) as visit:
        await visit.route("/**", abort)
        await visit.watch(checkout_id)
        await visit.until("pauses.length > 2")
        await visit.context.unroute(f"{shop.service_url}/checkout/**")

        await visit.until("told.length === 1")

        assert await visit.page.evaluate("pauses.at(-1)") == 1000


async def test_an_answer_that_nothing_has_changed_is_no_failure(shop: Shop) -> None:
    async def do_not_wait(route: Route) -> None:
        await route.continue_(url=route.request.url.replace("wait=25", "wait=0"))

    checkout_id, _ = await shop.new_checkout()
    async with shop.visited(init_script=NO_EVENT_SOURCE + NOTED_PAUSES) as visit:
        await visit.route("/*wait=25", do_not_wait)
        await visit.watch(checkout_id)
        await visit.until("pauses.length > 3")
        await visit.page.evaluate("stop_told()")

        response = await polls(visit)[1].response()
        assert response is not None
        assert response.status == 304
        assert set(await visit.page.evaluate("pauses")) == {1000}
        assert await visit.statuses() == ["open"]


async def test_where_no_place_to_wait_is_free_the_page_asks_seldom_and_says_paid(
    shop: Shop,
) -> None:
    checkout_id, session_id = await shop.new_checkout()
    async with AsyncExitStack() as stack:
        for _ in range(PLACES_OF_CLIENT_MAX // PLACES_OF_PAYMENT_MAX):
            watched, _ = await shop.new_checkout()
            for _ in range(PLACES_OF_PAYMENT_MAX):
                stream = open_stream(shop.process.service.client, watched)
                await (await stack.enter_async_context(stream)).next_status()
        async with shop.visited(init_script=NO_EVENT_SOURCE + NOTED_PAUSES) as visit:
            await visit.watch(checkout_id)
            await visit.until("pauses.length > 3")
            await shop.pays(session_id)
            await visit.until("told.length === 2")

            assert await visit.statuses() == ["open", "paid"]
            assert set((await visit.page.evaluate("pauses"))[1:]) == {15000}


async def test_where_every_wait_is_refused_the_page_asks_without_waiting_and_says_paid(
    shop: Shop,
) -> None:
    async def refuse(route: Route) -> None:
        await route.fulfill(status=503, content_type="text/html", body="a proxy's page")

    checkout_id, session_id = await shop.new_checkout()
    async with shop.visited(init_script=NO_EVENT_SOURCE + NOTED_PAUSES) as visit:
        await visit.route("/*wait=25", refuse)
        await visit.watch(checkout_id)
        await visit.until("told.length === 1 && pauses.length > 3")
        await shop.pays(session_id)
        await visit.until("told.length === 2")

        assert await visit.statuses() == ["open", "paid"]
