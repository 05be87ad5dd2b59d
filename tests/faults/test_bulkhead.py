"""Five hundred carts at once, and an Altan Pay that never answers."""

import asyncio
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from app.adapters.altan_pay.bulkhead import PLACES
from tests.support.faults.service import Answer, Service, running_service
from tests.support.faults.upstream import Upstream, doing, hangs

CARTS = 500
TIMEOUT_S = 4.0
MARGIN_S = 30.0  # five hundred connections on a busy machine
MEMORY_GROWTH_BYTES_MAX = 64 * 1024 * 1024
# The goal is 0.05 s; what a busy machine adds must not decide a test.
WEBHOOK_S_MAX = 10.0


async def test_a_hang_costs_five_hundred_buyers_an_answer_and_the_webhooks_nothing(
    upstream: Upstream, tmp_path: Path, say: Callable[[str], None]
) -> None:
    async with (
        running_service(
            tmp_path,
            altan_pay_url=upstream.url,
            timeout_s=TIMEOUT_S,
            TRUSTED_PROXIES="127.0.0.1",  # else the buyers' one address runs out of connections
        ) as service,
        doing(upstream, hangs),
    ):
        quiet_s = [(await service.deliver()).seconds for _ in range(50)]
        memory_before = await service.metric("process_resident_memory_bytes")
        buyers = [asyncio.create_task(service.buy()) for _ in range(CARTS)]
        await upstream.wait_for_calls_now(PLACES)
        busy_s = await deliver_until_done(service, buyers)
        answers = [await buyer for buyer in buyers]
        growth = service.memory_peak_bytes() - memory_before

        outcomes = Counter((answered.status, answered.code) for answered in answers)
        say(
            f"{CARTS} carts: {dict(outcomes)}; calls at once {upstream.calls_now_max}; "
            f"memory +{growth / 1e6:.0f} MB; webhooks before {describe(quiet_s)}; "
            f"meanwhile {describe(busy_s)}"
        )
        assert outcomes == {
            (504, "altan_pay_timeout"): PLACES,
            (503, "altan_pay_unavailable"): CARTS - PLACES,
        }
        assert upstream.calls_now_max == PLACES
        assert max(answered.seconds for answered in answers) < TIMEOUT_S + MARGIN_S
        assert all("retry-after" in a.headers for a in answers if a.status == 503)
        assert max(busy_s) < WEBHOOK_S_MAX
        assert growth < MEMORY_GROWTH_BYTES_MAX
        no_place = [line for line in service.lines if "checkouts" in line.get("reason", "")]
        assert len(no_place) == CARTS - PLACES


async def deliver_until_done(service: Service, buyers: list[asyncio.Task[Answer]]) -> list[float]:
    seconds = []
    while not all(buyer.done() for buyer in buyers):
        delivered = await service.deliver()
        assert delivered.status == 200
        seconds.append(delivered.seconds)
        await asyncio.sleep(0.01)  # the pace of these webhooks
    return seconds


def describe(seconds: list[float]) -> str:
    """Few and slow: what is measured includes this test's own work on the same machine."""
    ordered = sorted(seconds)
    p50, p99 = (ordered[int(len(ordered) * share)] * 1000 for share in (0.5, 0.99))
    return f"p50 {p50:.1f} p99 {p99:.1f} max {ordered[-1] * 1000:.1f} ms (n={len(ordered)})"
