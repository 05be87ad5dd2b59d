"""When Altan Pay is no longer called."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Final

import pytest

from app.adapters.altan_pay.bulkhead import NoPlaceError
from app.domain.checkout.cart import Cart, CreatedBy, LineItem, Mode
from app.domain.errors import AltanPayUnavailableError
from app.domain.limits.breaker_evidence import FAILURES_MIN, WINDOW_PAIRS
from app.domain.limits.quarantine import FAILURES_OF_ONE, REST_S
from app.usecases.records import SessionOrder
from tests.support.faults.breaking import FAILS, Pages, order, pages_of
from tests.support.faults.upstream import (
    Upstream,
    doing,
    hangs,
    refusal,
    running_upstream,
    says,
    works,
)

STRANGER: Final = "198.51.100.66"


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    async with running_upstream() as upstream:
        yield upstream


@pytest.fixture
async def pages(upstream: Upstream) -> AsyncIterator[Pages]:
    async with pages_of(upstream) as pages:
        yield pages


async def test_it_opens_when_half_fails_and_then_calls_nobody(
    upstream: Upstream, pages: Pages
) -> None:
    prices = ["price_A", "price_B"]
    for price in prices:
        await pages.create(order(price))
    upstream.next_scripts = [works, FAILS] * FAILURES_MIN

    for number in range(2 * FAILURES_MIN):
        await pages.outcome(order(prices[number // 2 % 2]))
    assert pages.states == ["closed", "open"]
    calls_before = upstream.calls
    with pytest.raises(AltanPayUnavailableError) as refused:
        await pages.create()

    assert upstream.calls == calls_before
    assert refused.value.retry_after_s == 1


async def test_it_stays_closed_while_most_works(upstream: Upstream, pages: Pages) -> None:
    upstream.next_scripts = [works, works, works, FAILS, FAILS] * WINDOW_PAIRS

    outcomes = await pages.outcomes(5 * WINDOW_PAIRS)

    assert outcomes.count("ok") == 3 * WINDOW_PAIRS
    assert pages.states == ["closed"]


async def test_one_strangers_odd_cart_stops_nobody_else_and_is_soon_not_sent_any_more(
    upstream: Upstream, pages: Pages
) -> None:
    await pages.create()
    odd = order("price_odd", STRANGER)
    async with doing(upstream, FAILS):
        calls_before = upstream.calls
        told = [await pages.outcome(odd) for _ in range(3 * FAILURES_MIN)]
        calls = upstream.calls - calls_before
        refused = await refusal_of(pages, odd)

    assert set(told) == {"altan_pay_unavailable"}
    assert calls == FAILURES_OF_ONE
    assert refused.reason == "this cart kept failing and is blocked"
    assert refused.retry_after_s is not None
    assert 1 <= refused.retry_after_s <= REST_S
    assert await pages.outcome() == "ok"
    assert await pages.outcome(order(client=STRANGER)) == "ok"
    assert pages.states == ["closed"]


async def refusal_of(pages: Pages, asked: SessionOrder) -> AltanPayUnavailableError:
    with pytest.raises(AltanPayUnavailableError) as refused:
        await pages.create(asked)
    return refused.value


async def test_many_odd_carts_of_many_strangers_do_not_open_it(
    upstream: Upstream, pages: Pages
) -> None:
    """With a real price in each, too."""
    await pages.create()
    async with doing(upstream, FAILS):
        for number in range(4 * WINDOW_PAIRS):
            items = (LineItem("price_ABC123", 1), LineItem(f"price_odd{number}", 1))
            odd = replace(order(), cart=Cart(items, Mode.PAYMENT))
            assert await pages.outcome(odd) == "altan_pay_unavailable"

    assert pages.states == ["closed"]
    assert await pages.outcome() == "ok"


async def test_an_unusual_quantity_of_a_good_price_is_an_odd_cart(
    upstream: Upstream, pages: Pages
) -> None:
    await pages.create()
    many = Cart((LineItem("price_ABC123", 999),), Mode.PAYMENT)
    async with doing(upstream, FAILS):
        for _ in range(2 * WINDOW_PAIRS):
            await pages.outcome(replace(order(), cart=many))

    assert await pages.outcome() == "ok"
    assert pages.states == ["closed"]


async def test_without_a_connection_no_cart_is_to_blame(upstream: Upstream) -> None:
    async with pages_of(upstream, deadline_s=1) as pages:
        await upstream.stop()
        one = order(client=STRANGER)
        told = [await pages.outcome(one) for _ in range(FAILURES_MIN)]

    assert set(told) == {"altan_pay_unavailable"}
    assert pages.states == ["closed", "open"]


async def test_a_shop_that_has_sold_nothing_yet_finds_an_outage_by_three_buyers(
    upstream: Upstream, pages: Pages
) -> None:
    async with doing(upstream, FAILS):
        for number in range(2 * FAILURES_MIN):
            await pages.outcome(order(f"price_{number}", STRANGER))
        states_after_one = list(pages.states)
        for number in range(2 * 2):
            await pages.outcome(order(f"price_{number % 2}", f"192.0.2.{number // 2}"))

    assert states_after_one == ["closed"]
    assert pages.states == ["closed", "open"]


@pytest.mark.parametrize("by", CreatedBy)
async def test_the_shops_server_needs_no_other_client(
    upstream: Upstream, pages: Pages, by: CreatedBy
) -> None:
    orders = [
        replace(order(f"price_{number}", STRANGER), created_by=by) for number in range(FAILURES_MIN)
    ]
    for each in orders:
        await pages.create(each)

    async with doing(upstream, FAILS):
        for each in orders:
            await pages.outcome(each)

    assert (pages.states[-1] == "open") is (by is CreatedBy.SERVER)


async def test_a_passed_field_that_is_odd_makes_the_cart_odd(
    upstream: Upstream, pages: Pages
) -> None:
    await pages.create(replace(order(), passed={"customer_email": "jane@shop.example"}))
    async with doing(upstream, FAILS):
        for _ in range(2 * WINDOW_PAIRS):
            await pages.outcome(replace(order(), passed={"customer_email": "jane@-"}))
        states_after_odd = list(pages.states)
        for _ in range(FAILURES_MIN):
            await pages.outcome(replace(order(), passed={"customer_email": "joe@shop.example"}))

    assert states_after_odd == ["closed"]
    assert pages.states == ["closed", "open"]


@pytest.mark.parametrize("status", [400, 401])
async def test_what_is_not_altan_pays_failure_does_not_open_it(
    upstream: Upstream, pages: Pages, status: int
) -> None:
    async with doing(upstream, says(refusal(status))):
        await pages.outcomes(3 * FAILURES_MIN)

    assert upstream.calls == 3 * FAILURES_MIN
    assert pages.states == ["closed"]


async def test_that_all_our_places_are_taken_does_not_open_it(upstream: Upstream) -> None:
    async with pages_of(upstream, places=1) as pages, doing(upstream, hangs):
        stuck = asyncio.create_task(pages.create())
        await upstream.wait_for_calls_now(1)
        for _ in range(2 * FAILURES_MIN):
            with pytest.raises(NoPlaceError):
                await pages.create()

        assert pages.states == ["closed"]
        stuck.cancel()


async def test_an_upstream_that_hangs_opens_it(upstream: Upstream) -> None:
    async with pages_of(upstream, deadline_s=0.3) as pages, doing(upstream, hangs):
        outcomes = await asyncio.gather(*(pages.outcome() for _ in range(FAILURES_MIN)))

        assert outcomes == ["altan_pay_timeout"] * FAILURES_MIN
        assert pages.states == ["closed", "open"]
