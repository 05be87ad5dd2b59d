"""How the breaker detects that Altan Pay is back: one probe at a time."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.support.faults.breaking import FAILS, WAIT_S, Pages, order, pages_of
from tests.support.faults.upstream import (
    Connection,
    Upstream,
    doing,
    hangs,
    running_upstream,
    works,
)


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    async with running_upstream() as upstream:
        yield upstream


@pytest.fixture
async def pages(upstream: Upstream) -> AsyncIterator[Pages]:
    async with pages_of(upstream) as pages:
        yield pages


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
