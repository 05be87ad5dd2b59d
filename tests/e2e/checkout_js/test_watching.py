"""What /checkout.js tells a page of a payment: by stream, and by asking where no stream passes."""

from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.async_api import Request, Route

from app.usecases.live_places import PLACES_OF_CLIENT_MAX, PLACES_OF_PAYMENT_MAX
from tests.support.browser.shop_page import Shop, ShopPage, abort, hold, service_environment
from tests.support.builders import running_process, until
from tests.support.cluster.balancer import running_balancer
from tests.support.status_service import open_stream

NO_EVENT_SOURCE = "delete window.EventSource;"
# Every stream that the page opens can be looked at.
SEEN_STREAMS = """
window.streams = [];
window.EventSource = class extends EventSource {
  constructor(...args) { super(...args); streams.push(this); }
};
"""
# Nothing is waited for, and how long each next poll would have been is noted.
NOTED_PAUSES = """
window.pauses = [];
const wait = window.setTimeout;
window.setTimeout = (act, ms, ...args) => {
  if (args.length) pauses.push(ms);
  return wait(act, ms === 30000 && !args.length ? ms : 0, ...args);
};
"""
CLOSED = "streams.length === 1 && streams[0].readyState === EventSource.CLOSED"


def polls(visit: ShopPage) -> list[Request]:
    return [r for r in visit.sent("GET") if "/checkout/" in r.url and not r.url.endswith("/events")]


# --- by stream


async def test_each_change_is_told_at_once_by_a_stream(visit: ShopPage) -> None:
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


# --- by asking


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


# --- the end


async def test_nothing_is_told_after_stop(visit: ShopPage) -> None:
    checkout_id, session_id = await visit.shop.new_checkout()
    for name in ("stopped", "other"):
        await visit.watch(checkout_id, name)
        await visit.until(f"{name}.length === 1")

    await visit.page.evaluate("stop_stopped()")
    await visit.shop.pays(session_id)
    await visit.until("other.length === 2")

    assert await visit.statuses("stopped") == ["open"]


async def test_stop_lets_go_of_a_request_that_waits_and_no_other_follows(shop: Shop) -> None:
    checkout_id, _ = await shop.new_checkout()
    async with shop.visited(init_script=NO_EVENT_SOURCE) as visit:
        await visit.stop_the_clock()
        await visit.watch(checkout_id)
        await visit.page.clock.run_for(1)
        await visit.until("told.length === 1")
        await visit.page.clock.run_for(1_000)
        await until(lambda: len(polls(visit)) == 2)

        async with visit.page.expect_event("requestfailed") as failed:
            await visit.page.evaluate("stop_told()")
        await visit.page.clock.run_for(600_000)

        assert "?wait=25" in (await failed.value).url
        assert len(polls(visit)) == 2
        assert await visit.statuses() == ["open"]
        assert await visit.page.evaluate("errors") == []


async def test_who_stops_when_first_called_is_not_called_again(visit: ShopPage) -> None:
    checkout_id, session_id = await visit.shop.new_checkout()
    await visit.page.evaluate(
        """(id) => {
          const stop = watchCheckout(id, (it) => { told.push(it); stop(); });
        }""",
        checkout_id,
    )
    await visit.until("told.length === 1")
    await visit.watch(checkout_id, "other")
    await visit.shop.pays(session_id)
    await visit.until("other.at(-1)?.status === 'paid'")

    assert await visit.statuses() == ["open"]


@pytest.mark.parametrize("init_script", ["", NO_EVENT_SOURCE], ids=["stream", "asking"])
async def test_an_unknown_id_is_told_once(shop: Shop, init_script: str) -> None:
    async with shop.visited(init_script=init_script) as visit:
        await visit.stop_the_clock()
        await visit.watch("chk_unknown")
        await visit.page.clock.run_for(1)
        await visit.until("errors.length")
        asked = len(polls(visit))

        await visit.page.clock.run_for(600_000)

        (error,) = await visit.page.evaluate("errors")
        assert (error["code"], error["status"]) == ("not_found", 404)
        assert error["isOurs"]
        assert (asked, len(polls(visit))) == (1, 1)
        assert await visit.statuses() == []


@pytest.mark.parametrize("init_script", ["", NO_EVENT_SOURCE], ids=["stream", "asking"])
async def test_a_page_that_breaks_when_it_is_told_is_told_the_next_thing_all_the_same(
    shop: Shop, init_script: str
) -> None:
    checkout_id, session_id = await shop.new_checkout()
    async with shop.visited(init_script=init_script) as visit:
        visit.seen.expect("page error: theirs")
        await visit.page.evaluate(
            "(id) => { watchCheckout(id, (it) => { told.push(it); throw new Error('theirs'); }); }",
            checkout_id,
        )
        await visit.until("told.length === 1")
        await shop.pays(session_id)
        await visit.until("told.length === 2")

        assert await visit.statuses() == ["open", "paid"]
