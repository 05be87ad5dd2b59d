"""When /checkout.js stops watching a payment."""

import pytest

from tests.support.browser.shop_page import Shop, ShopPage
from tests.support.browser.watching_page import NO_EVENT_SOURCE, polls
from tests.support.builders import until


async def test_no_callback_after_stop(visit: ShopPage) -> None:
    checkout_id, session_id = await visit.shop.new_checkout()
    for name in ("stopped", "other"):
        await visit.watch(checkout_id, name)
        await visit.until(f"{name}.length === 1")

    await visit.page.evaluate("stop_stopped()")
    await visit.shop.pays(session_id)
    await visit.until("other.length === 2")

    assert await visit.statuses("stopped") == ["open"]


async def test_stop_cancels_a_waiting_request_and_no_other_follows(shop: Shop) -> None:
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
async def test_an_unknown_id_is_reported_once(shop: Shop, init_script: str) -> None:
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
async def test_a_callback_that_throws_still_gets_the_next_change(
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
