"""What is retried, how often, after which pause, and when no more."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.support.faults.service import Service, running_service
from tests.support.faults.upstream import Connection, Upstream, doing, refusal, says, works

TIMEOUT_S = 4.0


@pytest.fixture(scope="module")
async def service(
    upstream: Upstream, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    folder = tmp_path_factory.mktemp("service")
    async with running_service(folder, altan_pay_url=upstream.url, timeout_s=TIMEOUT_S) as service:
        await service.buy()
        yield service


@pytest.fixture(autouse=True)
async def _closed_breaker(service: Service, upstream: Upstream) -> None:
    """Two good carts for each bad one."""
    upstream.next_scripts.clear()
    for _ in range(2):
        assert (await service.buy()).status == 200


async def test_a_fault_that_passes_is_not_seen_by_the_buyer(
    service: Service, upstream: Upstream
) -> None:
    upstream.next_scripts = [says(refusal(500)), says(refusal(502))]
    calls_before = upstream.calls

    answered = await service.buy()

    assert answered.status == 200
    assert upstream.calls - calls_before == 3
    lines = await service.lines_of(answered.request_id)
    assert [line["event"] for line in lines] == ["altan_pay_call_failed"] * 2 + ["request"]


async def test_nonsense_is_tried_again_once_only(service: Service, upstream: Upstream) -> None:
    nonsense = says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
    upstream.next_scripts = [nonsense, nonsense]
    calls_before = upstream.calls

    answered = await service.buy()

    assert answered.code == "altan_pay_malformed"
    assert upstream.calls - calls_before == 2


@pytest.mark.parametrize("status", [429, 503])
async def test_the_patience_that_is_asked_for_is_had_where_it_fits(
    service: Service, upstream: Upstream, status: int
) -> None:
    upstream.next_scripts = [says(refusal(status, "Retry-After: 1"))]
    calls_before = upstream.calls

    answered = await service.buy()

    assert answered.status == 200
    assert answered.seconds >= 1.0
    assert upstream.calls - calls_before == 2


@pytest.mark.parametrize("status", [429, 503])
async def test_a_pause_beyond_the_deadline_fails_at_once(
    service: Service, upstream: Upstream, status: int
) -> None:
    calls_before = upstream.calls

    async with doing(upstream, says(refusal(status, "Retry-After: 120"))):
        answered = await service.buy()

    assert (answered.status, answered.code) == (503, "altan_pay_unavailable")
    assert answered.headers["retry-after"] == "120"
    assert answered.seconds < TIMEOUT_S / 2
    assert upstream.calls - calls_before == 1


@pytest.mark.parametrize("text", ["soon", "-1", "Wed, 21 Oct 2099 07:28:00 GMT", "9" * 400])
async def test_a_retry_after_that_is_no_number_of_seconds_changes_nothing(
    service: Service, upstream: Upstream, text: str
) -> None:
    upstream.next_scripts = [says(refusal(503, f"Retry-After: {text}"))]

    answered = await service.buy()

    assert answered.status == 200


async def test_for_a_buyer_who_has_left_nothing_is_tried_again(
    service: Service, upstream: Upstream
) -> None:
    has_left = asyncio.Event()

    async def fails_when_the_buyer_has_left(connection: Connection) -> None:
        await has_left.wait()
        await connection.send(refusal(500))

    upstream.next_scripts = [fails_when_the_buyer_has_left]
    calls_before = upstream.calls

    async with service.cart_sent(request_id="left-during-the-call"):
        await upstream.wait_for_calls(calls_before + 1)
    has_left.set()
    await service.lines_of("left-during-the-call")

    assert upstream.calls - calls_before == 1


async def test_for_a_buyer_who_leaves_during_the_pause_nothing_is_tried_again(
    service: Service, upstream: Upstream
) -> None:
    upstream.next_scripts = [says(refusal(503, "Retry-After: 1"))]
    calls_before = upstream.calls

    async with service.cart_sent(request_id="left-during-the-pause"):
        await service.wait_for_line(
            lambda line: (
                line["event"] == "altan_pay_call_failed"
                and line["request_id"] == "left-during-the-pause"
            )
        )
    await service.lines_of("left-during-the-pause")

    assert upstream.calls - calls_before == 1


async def test_the_buyer_of_a_slow_call_gets_the_page_within_the_deadline(
    service: Service, upstream: Upstream
) -> None:
    async def fails_late(connection: Connection) -> None:
        await asyncio.sleep(TIMEOUT_S / 2)  # this upstream's own slowness
        await connection.send(refusal(500))

    upstream.next_scripts = [fails_late, works]

    answered = await service.buy()

    assert answered.status == 200
    assert TIMEOUT_S / 2 <= answered.seconds < TIMEOUT_S + 3
