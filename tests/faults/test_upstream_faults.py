"""Everything that Altan Pay can do wrong, over real sockets, with the service as a process.

All faults are met by the same process, one after the other: none of them may leave a mark.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final

import pytest

from tests.support.faults.altan_pay import FAULTS, MALFORMED, SLOW, TIMED_OUT, UNAVAILABLE, Kind
from tests.support.faults.service import ACCOUNT_ID, CONNECT_ID, Answer, Service, running_service
from tests.support.faults.upstream import (
    Upstream,
    doing,
    hangs,
    payment_page,
    refusal,
    repeats,
    resets,
    says,
)

TIMEOUT_S: Final = 3.0
MARGIN_S: Final = 30.0  # a busy machine must not decide a test; a deadline not kept is far longer
MEMORY_GROWTH_BYTES_MAX: Final = 64 * 1024 * 1024
NOTHING_PRIVATE: Final = (
    ACCOUNT_ID,
    CONNECT_ID,
    "upstream-said-this",
    "127.0.0.1",
    "://",
    "/v2/",
    "cs_test",
    "price_",
    "stripe.com",
    "evil.example",
)


@pytest.fixture(scope="module")
async def service(
    upstream: Upstream, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    folder = tmp_path_factory.mktemp("service")
    async with running_service(folder, altan_pay_url=upstream.url, timeout_s=TIMEOUT_S) as service:
        await service.buy()
        yield service


@dataclass(frozen=True, slots=True)
class Counters:
    """What the metrics say of the calls so far."""

    results: float
    alerts: float
    seconds_count: float


async def counters(service: Service, kind: Kind) -> Counters:
    name = "altan_checkout_altan_pay_call"
    return Counters(
        await service.metric(f"{name}s_total", result=kind.result or kind.code),
        await service.metric("altan_checkout_alerts_total", name=kind.alert or "altan_pay_down"),
        await service.metric(f"{name}_seconds_count"),
    )


def assert_answered(answered: Answer, kind: Kind) -> None:
    assert (answered.status, answered.code) == (kind.status, kind.code)
    assert answered.headers["content-type"] == "application/problem+json"
    assert ("retry-after" in answered.headers) == (kind.status == 503)
    assert answered.seconds < TIMEOUT_S + MARGIN_S
    assert_nothing_private(answered.body.decode())


def assert_nothing_private(text: str) -> None:
    for word in NOTHING_PRIVATE:
        assert word not in text


async def assert_logged(service: Service, answered: Answer, kind: Kind) -> None:
    """A line a failed call, and one that says how the request ended."""
    lines = await service.lines_of(answered.request_id)
    *calls, end = (line for line in lines if line["event"] != "alert")
    assert [line["event"] for line in calls] == ["altan_pay_call_failed"] * kind.logged_calls
    for line in calls:
        assert line["code"] == (kind.result or kind.code)
        assert line["reason"]
    assert (end["event"], end["status"], end["route"]) == ("request", kind.status, "/checkout")
    assert end["code"] == kind.code
    assert_nothing_private(json.dumps(lines))


async def keep_the_breaker_closed(service: Service) -> None:
    """Two good carts for each bad one; and they must be good, right after it."""
    for _ in range(2):
        assert (await service.buy()).status == 200


@pytest.mark.parametrize("name", FAULTS)
async def test_a_fault_costs_one_clear_answer_and_nothing_else(
    service: Service, upstream: Upstream, name: str
) -> None:
    script, kind = FAULTS[name]
    before, calls_before = await counters(service, kind), upstream.calls

    async with doing(upstream, script):
        answered = await service.buy()
        calls = upstream.calls - calls_before

    assert_answered(answered, kind)
    assert calls == kind.calls
    await assert_logged(service, answered, kind)
    after = await counters(service, kind)
    assert after.results - before.results == kind.calls
    assert after.seconds_count - before.seconds_count == kind.calls
    assert after.alerts - before.alerts == (kind.calls if kind.alert else 0)
    await keep_the_breaker_closed(service)


async def test_a_slow_call_reaches_the_deadline(service: Service, upstream: Upstream) -> None:
    """All at once, so that the deadline is waited for once."""
    before, calls_before = await counters(service, TIMED_OUT), upstream.calls

    upstream.next_scripts = list(SLOW.values())
    answers = await asyncio.gather(*(service.buy() for _ in SLOW))

    assert upstream.calls - calls_before == len(SLOW)
    for answered in answers:
        assert_answered(answered, TIMED_OUT)
        assert answered.seconds >= TIMEOUT_S - 0.1
        await assert_logged(service, answered, TIMED_OUT)
        await keep_the_breaker_closed(service)
    after = await counters(service, TIMED_OUT)
    assert after.results - before.results == len(SLOW)


async def test_a_reset_before_the_request_is_read(service: Service, upstream: Upstream) -> None:
    async with doing(upstream, hangs, on_connect=resets):
        calls_before, connections_before = upstream.calls, upstream.connections
        answered = await service.buy()

        assert upstream.calls == calls_before
        assert upstream.connections - connections_before == 3
    assert_answered(answered, UNAVAILABLE)
    await assert_logged(service, answered, UNAVAILABLE)
    await keep_the_breaker_closed(service)


async def test_a_refused_connection_and_then_one_that_works(
    service: Service, upstream: Upstream
) -> None:
    await upstream.stop()
    try:
        answered = await service.buy()
    finally:
        await upstream.start()

    assert_answered(answered, UNAVAILABLE)
    await assert_logged(service, answered, UNAVAILABLE)
    await keep_the_breaker_closed(service)


async def test_a_navigating_browser_gets_a_page_with_a_way_back_to_the_shop(
    service: Service, upstream: Upstream
) -> None:
    async with doing(upstream, says(refusal(500))):
        answered = await service.buy(accept="text/html,application/xhtml+xml")

    page = answered.body.decode()
    assert answered.status == 503
    assert answered.headers["content-type"].startswith("text/html")
    assert 'href="https://shop.example' in page
    assert_nothing_private(page.replace("https://shop.example", ""))
    await keep_the_breaker_closed(service)


async def test_a_few_interim_answers_before_a_good_one_are_no_fault(
    service: Service, upstream: Upstream
) -> None:
    hints = b"HTTP/1.1 100 Continue\r\n\r\n" + b"HTTP/1.1 103 Early Hints\r\n\r\n" * 3

    async with doing(upstream, says(hints + payment_page())):
        answered = await service.buy()

    assert answered.status == 200


async def test_interim_answers_at_full_speed_do_not_keep_webhooks_waiting(
    service: Service, upstream: Upstream, say: Callable[[str], None]
) -> None:
    flood = repeats(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 5000)

    async with doing(upstream, flood):
        cart = asyncio.create_task(service.buy())
        seconds = [(await service.deliver()).seconds]
        while not cart.done():
            seconds.append((await service.deliver()).seconds)
        answered = await cart

    say(f"webhooks in a storm of 103s: {len(seconds)}, slowest {max(seconds) * 1000:.0f} ms")
    assert_answered(answered, MALFORMED)
    assert max(seconds) < 1.0
    await keep_the_breaker_closed(service)


async def test_all_of_that_has_cost_little_memory(
    service: Service, upstream: Upstream, say: Callable[[str], None]
) -> None:
    held_before = await service.metric("process_resident_memory_bytes")

    async with doing(upstream, FAULTS["500 MB in chunks"][0]):
        await service.buy()
    async with doing(upstream, FAULTS["headers without end"][0]):
        await service.buy()

    growth = service.memory_peak_bytes() - held_before
    say(f"memory: {held_before / 1e6:.0f} MB, peak {growth / 1e6:.0f} MB above it")
    assert growth < MEMORY_GROWTH_BYTES_MAX
    assert all(line["event"] != "internal_error" for line in service.lines)
