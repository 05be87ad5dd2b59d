"""When Altan Pay is no longer called, and how it is found out that it is back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import pytest

from app.adapters.altan_pay.breaker import (
    CHECKOUTS_MIN,
    WINDOW_CHECKOUTS,
    GuardedPaymentPages,
)
from app.adapters.altan_pay.client import AltanPay, AltanPayAccount
from app.adapters.altan_pay.places import BoundedPaymentPages, NoPlaceError
from app.adapters.altan_pay.retries import RetryingPaymentPages
from app.adapters.altan_pay.transport import AiohttpTransport
from app.domain.cart import Cart, LineItem, Mode
from app.domain.errors import AltanPayUnavailableError, CheckoutError
from app.domain.redirects import PaymentPage
from app.usecases.records import SessionOrder

from .upstream import Connection, Upstream, doing, hangs, refusal, running_upstream, says, works

OPEN_S: Final = 0.4
WAIT_S: Final = 10.0  # for what happens soon; a test that reaches it has failed
# With this, retries stop at the first failure: one call a checkout, and no pauses.
FAILS: Final = says(refusal(503, "Retry-After: 999"))
ORDER: Final = SessionOrder(
    cart=Cart((LineItem("price_ABC123", 1),), Mode.PAYMENT),
    success_url="https://shop.example/",
    cancel_url="https://shop.example/",
)


@dataclass(frozen=True, slots=True)
class Pages:
    """The whole stack in front of one upstream, with a breaker that is open for a moment only."""

    guarded: GuardedPaymentPages
    states: list[str]

    async def create(self) -> PaymentPage:
        async with asyncio.timeout(WAIT_S):
            return await self.guarded.create(ORDER, _wanted)

    async def outcomes(self, count: int) -> list[str]:
        """The codes of so many checkouts, one after the other."""
        return [await self.outcome() for _ in range(count)]

    async def outcome(self) -> str:
        try:
            await self.create()
        except CheckoutError as error:
            return error.code
        return "ok"

    async def open_it(self, upstream: Upstream) -> None:
        async with doing(upstream, FAILS):
            await self.outcomes(CHECKOUTS_MIN)
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
        bounded = BoundedPaymentPages(altan_pay, places=places, wait_s=0.01)
        retrying = RetryingPaymentPages(bounded, deadline_s=deadline_s)
        yield Pages(GuardedPaymentPages(retrying, on_change=states.append, open_s=OPEN_S), states)


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
    upstream.next_scripts = [works, FAILS] * (CHECKOUTS_MIN // 2)

    await pages.outcomes(CHECKOUTS_MIN)
    assert pages.states == ["closed", "open"]
    calls_before = upstream.calls
    with pytest.raises(AltanPayUnavailableError) as refused:
        await pages.create()

    assert upstream.calls == calls_before
    assert refused.value.retry_after_s == 1


async def test_it_stays_closed_while_most_works(upstream: Upstream, pages: Pages) -> None:
    upstream.next_scripts = [works, works, works, FAILS, FAILS] * WINDOW_CHECKOUTS

    outcomes = await pages.outcomes(5 * WINDOW_CHECKOUTS)

    assert outcomes.count("ok") == 3 * WINDOW_CHECKOUTS
    assert pages.states == ["closed"]


@pytest.mark.parametrize("status", [400, 401])
async def test_what_is_not_altan_pays_failure_does_not_open_it(
    upstream: Upstream, pages: Pages, status: int
) -> None:
    async with doing(upstream, says(refusal(status))):
        await pages.outcomes(3 * CHECKOUTS_MIN)

    assert upstream.calls == 3 * CHECKOUTS_MIN
    assert pages.states == ["closed"]


async def test_that_all_our_places_are_taken_does_not_open_it(upstream: Upstream) -> None:
    async with pages_of(upstream, places=1) as pages, doing(upstream, hangs):
        stuck = asyncio.create_task(pages.create())
        await upstream.wait_for_calls_now(1)
        for _ in range(2 * CHECKOUTS_MIN):
            with pytest.raises(NoPlaceError):
                await pages.create()

        assert pages.states == ["closed"]
        stuck.cancel()


async def test_an_upstream_that_hangs_opens_it(upstream: Upstream) -> None:
    async with pages_of(upstream, deadline_s=0.3) as pages, doing(upstream, hangs):
        outcomes = await asyncio.gather(*(pages.outcome() for _ in range(CHECKOUTS_MIN)))

        assert outcomes == ["altan_pay_timeout"] * CHECKOUTS_MIN
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
