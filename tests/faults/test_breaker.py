"""When Altan Pay is no longer called, and how it is found out that it is back."""

import asyncio
import ipaddress
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final

import pytest

from app.adapters.altan_pay.breaker import CircuitBreaker
from app.adapters.altan_pay.bulkhead import Bulkhead, NoPlaceError
from app.adapters.altan_pay.client import AltanPay, AltanPayAccount
from app.adapters.altan_pay.retries import Retries
from app.adapters.altan_pay.transport import AiohttpTransport
from app.domain.checkout.cart import Cart, LineItem, Mode
from app.domain.checkout.redirects import PaymentPage
from app.domain.errors import AltanPayUnavailableError, CheckoutError
from app.domain.limits.breaker_evidence import FAILURES_MIN, WINDOW_PAIRS
from app.domain.limits.quarantine import FAILURES_OF_ONE, REST_S
from app.usecases.records import SessionOrder
from tests.support.faults.upstream import (
    Connection,
    Upstream,
    doing,
    hangs,
    refusal,
    running_upstream,
    says,
    works,
)

OPEN_S: Final = 0.4
WAIT_S: Final = 10.0  # for what happens soon; a test that reaches it has failed
# With this, retries stop at the first failure: one call a checkout, and no pauses.
FAILS: Final = says(refusal(503, "Retry-After: 999"))
STRANGER: Final = "198.51.100.66"

_buyers = itertools.count(1)


def order(price: str = "price_ABC123", client: str | None = None) -> SessionOrder:
    """One of a good price; without a client, of a buyer who has not been here before."""
    return SessionOrder(
        cart=Cart((LineItem(price, 1),), Mode.PAYMENT),
        success_url="https://shop.example/",
        cancel_url="https://shop.example/",
        client=client or str(ipaddress.IPv4Address(next(_buyers))),
    )


@dataclass(frozen=True, slots=True)
class Pages:
    """The whole stack in front of one upstream, with a breaker that is open for a moment only."""

    guarded: CircuitBreaker
    states: list[str]

    async def create(self, asked: SessionOrder | None = None) -> PaymentPage:
        async with asyncio.timeout(WAIT_S):
            return await self.guarded.create(asked or order(), _wanted)

    async def outcomes(self, count: int) -> list[str]:
        """The codes of so many checkouts, one after the other."""
        return [await self.outcome() for _ in range(count)]

    async def outcome(self, asked: SessionOrder | None = None) -> str:
        try:
            await self.create(asked)
        except CheckoutError as error:
            return error.code
        return "ok"

    async def open_it(self, upstream: Upstream) -> None:
        async with doing(upstream, FAILS):
            await self.outcomes(FAILURES_MIN)
        assert self.states[-1] == "open"

    async def probe_that_reaches(self, upstream: Upstream) -> asyncio.Task[str]:
        """The first checkout that is let through once the breaker has been open long enough."""
        calls_before = upstream.calls
        async with asyncio.timeout(WAIT_S):
            while True:
                probe = asyncio.create_task(self.outcome())
                reached = asyncio.create_task(upstream.wait_for_calls(calls_before + 1))
                await asyncio.wait((probe, reached), return_when=asyncio.FIRST_COMPLETED)
                if reached.done():
                    return probe
                reached.cancel()
                assert await probe == "altan_pay_unavailable"
                await asyncio.sleep(0.01)  # between two looks at the clock


async def _wanted() -> bool:
    return True


@asynccontextmanager
async def pages_of(
    upstream: Upstream, *, places: int = 20, deadline_s: float = WAIT_S
) -> AsyncIterator[Pages]:
    account = AltanPayAccount(url=upstream.url, account_id="a", stripe_connect_id="acct_1")
    states = ["closed"]
    hosts = frozenset({"checkout.stripe.com"})
    async with AiohttpTransport() as transport:
        altan_pay = AltanPay(account, transport=transport, version="1", allowed_hosts=hosts)
        bounded = Bulkhead(altan_pay, places=places, wait_s=0.01)
        retrying = Retries(bounded, deadline_s=deadline_s)
        yield Pages(CircuitBreaker(retrying, on_change=states.append, open_s=OPEN_S), states)


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
    assert refused.reason == "this cart kept failing, and rests"
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
        for number in range(2):
            await pages.outcome(order("price_A", f"192.0.2.{number}"))

    assert states_after_one == ["closed"]
    assert pages.states == ["closed", "open"]


async def test_an_odd_cart_is_no_probe(upstream: Upstream, pages: Pages) -> None:
    await pages.create()
    await pages.open_it(upstream)
    calls_before = upstream.calls

    async with asyncio.timeout(WAIT_S):
        while pages.states[-1] == "open":
            assert await pages.outcome(order("price_odd")) == "altan_pay_unavailable"
            await asyncio.sleep(0.01)  # between two looks at the clock

    assert await pages.outcome(order("price_odd")) == "altan_pay_unavailable"
    assert upstream.calls == calls_before
    assert await pages.outcome() == "ok"
    assert pages.states[-1] == "closed"


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


async def test_half_open_lets_one_probe_through_and_refuses_all_others_at_once(
    upstream: Upstream, pages: Pages
) -> None:
    answer_it = asyncio.Event()

    async def works_when_told(connection: Connection) -> None:
        await answer_it.wait()
        await works(connection)

    await pages.open_it(upstream)
    async with doing(upstream, works_when_told):
        probe = await pages.probe_that_reaches(upstream)
        calls_before = upstream.calls
        others = await asyncio.gather(*(pages.outcome() for _ in range(20)))

        assert others == ["altan_pay_unavailable"] * 20
        assert upstream.calls == calls_before
        answer_it.set()
        assert await probe == "ok"

    assert pages.states == ["closed", "open", "half_open", "closed"]
    assert await pages.outcomes(5) == ["ok"] * 5


async def test_a_probe_that_fails_opens_it_again(upstream: Upstream, pages: Pages) -> None:
    await pages.open_it(upstream)

    async with doing(upstream, FAILS):
        probe = await pages.probe_that_reaches(upstream)

        assert await probe == "altan_pay_unavailable"
        assert pages.states == ["closed", "open", "half_open", "open"]
        calls_before = upstream.calls
        assert await pages.outcome() == "altan_pay_unavailable"
        assert upstream.calls == calls_before


async def test_a_call_from_before_that_ends_late_does_not_make_others_wait_for_the_probe(
    upstream: Upstream, pages: Pages
) -> None:
    """With a deadline longer than the breaker is open, the two overlap."""
    end_it = asyncio.Event()

    async def fails_when_told(connection: Connection) -> None:
        await end_it.wait()
        await FAILS(connection)

    upstream.next_scripts = [fails_when_told]
    from_before = asyncio.create_task(pages.outcome())
    await upstream.wait_for_calls_now(1)
    await pages.open_it(upstream)
    async with doing(upstream, hangs):
        probe = await pages.probe_that_reaches(upstream)
        end_it.set()
        assert await from_before == "altan_pay_unavailable"

        async with asyncio.timeout(WAIT_S / 2):
            assert await pages.outcome() == "altan_pay_unavailable"
        assert not probe.done()
        probe.cancel()


async def test_a_probe_that_is_cancelled_does_not_keep_it_half_open_for_ever(
    upstream: Upstream, pages: Pages
) -> None:
    await pages.open_it(upstream)
    async with doing(upstream, hangs):
        probe = await pages.probe_that_reaches(upstream)
        probe.cancel()
        await asyncio.wait([probe])

    assert await pages.outcome() == "ok"
    assert pages.states[-1] == "closed"
