"""Altan Pay fails on one client's odd cart: the shop keeps selling everything else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest

from app.domain.limits.breaker_evidence import FAILURES_MIN
from app.domain.limits.quarantine import FAILURES_OF_ONE, HOUSEHOLDS_FAILING, REST_S
from tests.support.faults.service import Service, running_service
from tests.support.faults.upstream import Script, Upstream, doing, hangs, refusal, resets, says

STRANGER: Final = "198.51.100.66"
TIMEOUT_S: Final = 0.5
PATIENCE_S: Final = 10.0  # for all retries of a checkout, also on a busy machine
FAILS: Final = says(refusal(503, "Retry-After: 999"))  # no retry fits: one call a checkout
BREAKER: Final = "altan_checkout_altan_pay_breaker"
ODD_URL: Final = "https://shop.example/?%zz"
USUAL_URLS: Final[dict[str, str]] = {}
OWN_URLS: Final = {"success_url": "https://shop.example/thanks?order=7"}
FAULTS: Final[dict[str, Script]] = {
    "5xx": FAILS,
    "reset": resets,
    "a hang": hangs,
    "nonsense": says(refusal(202)),
}


async def is_closed(service: Service) -> bool:
    return await service.metric(BREAKER, **{BREAKER: "closed"}) == 1


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_strangers_odd_cart_costs_no_buyer_anything(
    upstream: Upstream, tmp_path: Path, fault: str
) -> None:
    upstream.odd_texts, upstream.odd_calls = {"price_odd": FAULTS[fault]}, 0
    async with running_service(
        tmp_path,
        altan_pay_url=upstream.url,
        timeout_s=TIMEOUT_S,
        TRUSTED_PROXIES="127.0.0.1",
    ) as service:
        assert (await service.buy(client="192.0.2.1")).status == 200
        calls = []
        for number in range(4 * FAILURES_MIN):
            assert (await service.buy("price_odd", client=STRANGER)).status in {502, 503, 504}
            assert (await service.buy(client=f"192.0.2.{number}")).status == 200
            calls.append(upstream.odd_calls)
        odd = await service.buy("price_odd", client=STRANGER)

        assert calls[-1] <= 2 * calls[FAILURES_OF_ONE - 1]  # a probe in ten seconds
        assert (odd.status, odd.code) == (503, "altan_pay_unavailable")
        assert 1 <= int(odd.headers["retry-after"]) <= REST_S
        assert await is_closed(service)
        assert await service.metric("altan_checkout_alerts_total", name="altan_pay_down") == 0
    upstream.odd_texts = {}


async def test_strangers_of_many_networks_only_stop_their_own_cart(
    upstream: Upstream, tmp_path: Path
) -> None:
    upstream.odd_texts = {"price_odd": FAILS, "price_odder": FAILS}
    async with running_service(
        tmp_path,
        altan_pay_url=upstream.url,
        timeout_s=TIMEOUT_S,
        TRUSTED_PROXIES="127.0.0.1",
    ) as service:
        assert (await service.buy()).status == 200
        for number in range(2 * HOUSEHOLDS_FAILING):
            for price in upstream.odd_texts:
                await service.buy(price, client=f"198.51.{number}.1")

        assert (await service.buy("price_odd")).status == 503
        assert (await service.buy()).status == 200
        assert await is_closed(service)
    upstream.odd_texts = {}


async def test_good_prices_with_an_odd_return_url_cost_no_buyer_anything(
    upstream: Upstream, tmp_path: Path
) -> None:
    upstream.odd_texts, upstream.odd_calls = {ODD_URL: FAILS}, 0
    prices = [f"price_{number}" for number in range(FAILURES_MIN)]
    async with running_service(
        tmp_path,
        altan_pay_url=upstream.url,
        timeout_s=TIMEOUT_S,
        TRUSTED_PROXIES="127.0.0.1",
    ) as service:
        for price in prices:
            assert (await service.buy(price, client="192.0.2.1")).status == 200
        for number in range(HOUSEHOLDS_FAILING):
            for price in prices:
                odd = await service.buy(price, client=f"198.51.{number}.1", cancel_url=ODD_URL)
                assert odd.status == 503

        assert upstream.odd_calls >= FAILURES_MIN
        for price in prices:
            assert (await service.buy(price, client="192.0.2.2")).status == 200
        assert await is_closed(service)
    upstream.odd_texts = {}


@asynccontextmanager
async def selling(
    upstream: Upstream, folder: Path, urls: dict[str, str], *, is_warm: bool
) -> AsyncIterator[Service]:
    """A shop that has just started, or `is_warm`: has sold a cart with these URLs."""
    async with running_service(folder, altan_pay_url=upstream.url, timeout_s=PATIENCE_S) as service:
        if is_warm:
            assert (await service.buy(**urls)).status == 200
        yield service


@pytest.mark.parametrize(("urls", "is_warm"), [(USUAL_URLS, False), (OWN_URLS, True)])
async def test_one_client_with_one_cart_is_soon_refused_at_once_and_then_served_again(
    upstream: Upstream, tmp_path: Path, urls: dict[str, str], *, is_warm: bool
) -> None:
    async with selling(upstream, tmp_path, urls, is_warm=is_warm) as service:
        async with doing(upstream, says(refusal(500))):
            told = [await service.buy(**urls) for _ in range(2 * FAILURES_MIN)]
            calls = upstream.calls
            refused = await service.buy(**urls)

        assert {(each.status, each.code) for each in told} == {(503, "altan_pay_unavailable")}
        assert upstream.calls == calls
        assert (refused.status, refused.code) == (503, "altan_pay_unavailable")
        blocked_s = int(refused.headers["retry-after"])
        assert 1 <= blocked_s <= REST_S
        await asyncio.sleep(blocked_s)  # as the answer says
        assert (await service.buy(**urls)).status == 200


@pytest.mark.parametrize(("urls", "is_warm"), [(USUAL_URLS, False), (OWN_URLS, True)])
async def test_one_client_is_enough_where_nothing_listens(
    upstream: Upstream, tmp_path: Path, urls: dict[str, str], *, is_warm: bool
) -> None:
    async with selling(upstream, tmp_path, urls, is_warm=is_warm) as service:
        await upstream.stop()
        told = [await service.buy(**urls) for _ in range(FAILURES_MIN + 1)]
        is_closed_now = await is_closed(service)
        await upstream.start()

        assert {(each.status, each.code) for each in told} == {(503, "altan_pay_unavailable")}
        assert not is_closed_now
        await asyncio.sleep(int(told[-1].headers["retry-after"]))  # as the answer says
        assert (await service.buy(**urls)).status == 200
        assert await is_closed(service)


@pytest.mark.parametrize("urls", [USUAL_URLS, OWN_URLS])
async def test_an_outage_is_still_found_at_once(
    upstream: Upstream, tmp_path: Path, urls: dict[str, str]
) -> None:
    """Several buyers, several prices, all of which worked before."""
    async with running_service(
        tmp_path,
        altan_pay_url=upstream.url,
        timeout_s=PATIENCE_S,
        TRUSTED_PROXIES="127.0.0.1",
    ) as service:
        for number in range(2 * FAILURES_MIN):
            bought = await service.buy(f"price_{number % 2}", client=f"192.0.2.{number}", **urls)
            assert bought.status == 200
        async with doing(upstream, FAILS):
            for number in range(FAILURES_MIN):
                await service.buy(f"price_{number % 2}", client=f"192.0.3.{number}", **urls)
            calls = upstream.calls
            refused = await service.buy("price_0", client="192.0.4.1")

        assert not await is_closed(service)
        assert upstream.calls == calls
        assert (refused.status, refused.code) == (503, "altan_pay_unavailable")
        assert await service.metric("altan_checkout_alerts_total", name="altan_pay_down") == 1
