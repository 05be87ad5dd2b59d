"""Rate limits with separate counters for each test."""

import time
from collections.abc import Awaitable, Callable

from app.adapters.counters import Counters, MemoryCounters
from app.adapters.rate_limits import CheckoutLimits, Rates
from app.domain.errors import RateLimitedError
from app.domain.limits.rate_limits import parse_rate
from tests.support.builders import DEADLINE_S, SilentAlarm


class Clock:
    """Both clocks of a limiter; a test advances them."""

    def __init__(self) -> None:
        self.now_s = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now_s


def limits(  # noqa: PLR0913 each a setting
    alarm: SilentAlarm,
    *,
    per_client: str | None = None,
    per_price: str | None = None,
    overall: str | None = None,
    counters: Counters | None = None,
    clock_s: Callable[[], float] = time.monotonic,
    timeout_s: float = DEADLINE_S,
) -> CheckoutLimits:
    rates = Rates(
        per_client=parse_rate(per_client) if per_client else None,
        per_price=parse_rate(per_price) if per_price else None,
        overall=parse_rate(overall) if overall else None,
    )
    counters = counters or MemoryCounters(clock_s=clock_s)
    return CheckoutLimits(
        rates, counters=counters, alarm=alarm, clock_s=clock_s, timeout_s=timeout_s
    )


async def allowed_clients(limiter: CheckoutLimits, address: str = "192.0.2.1") -> bool:
    return await passes(limiter.check_client(address))


async def passes(check: Awaitable[None]) -> bool:
    try:
        await check
    except RateLimitedError:
        return False
    return True
