"""How often one client may buy, and what happens if the storage fails."""

import time

import pytest

from app.adapters import rate_limits
from app.adapters.counters import RedisCounters
from app.domain.errors import RateLimitedError
from app.usecases.ports import AlertName
from tests.support.builders import SilentAlarm
from tests.support.rate_limits import Clock, allowed_clients, limits
from tests.support.wire import closed_port, hangs, upstream


async def test_a_client_may_so_often_and_no_more(alarm: SilentAlarm) -> None:
    limiter = limits(alarm, per_client="2/day")

    answers = [await allowed_clients(limiter) for _ in range(4)]

    assert answers == [True, True, False, False]
    assert await allowed_clients(limiter, "192.0.2.2")
    assert alarm.told == []  # somebody who is impatient is no news


async def test_a_refused_client_gets_the_limit_and_its_reset(alarm: SilentAlarm) -> None:
    limiter = limits(alarm, per_client="1/hour")
    await limiter.check_client("192.0.2.1")

    with pytest.raises(RateLimitedError) as caught:
        await limiter.check_client("192.0.2.1")

    assert (caught.value.limit, caught.value.remaining) == (1, 0)
    assert 0 < caught.value.retry_after_s <= 3600


async def test_a_limit_ends_with_its_window(alarm: SilentAlarm) -> None:
    clock = Clock()
    limiter = limits(alarm, per_client="1/second", clock_s=clock)
    assert await allowed_clients(limiter)
    assert not await allowed_clients(limiter)

    clock.now_s += 1.001

    assert await allowed_clients(limiter)


async def test_one_price_is_limited_for_all_clients_and_the_owner_is_alerted(
    alarm: SilentAlarm,
) -> None:
    limiter = limits(alarm, per_price="1/day")
    await limiter.check_cart("192.0.2.1", ["price_A"])

    with pytest.raises(RateLimitedError):
        await limiter.check_cart("192.0.2.1", ["price_B", "price_A"])
    await limiter.check_cart("192.0.2.1", ["price_C"])

    assert alarm.names == [AlertName.CARD_TESTING_SUSPECTED]


async def test_all_carts_together_are_limited_and_the_owner_is_alerted(alarm: SilentAlarm) -> None:
    limiter = limits(alarm, overall="1/day")
    await limiter.check_cart("192.0.2.1", ["price_A"])

    with pytest.raises(RateLimitedError):
        await limiter.check_cart("192.0.2.1", ["price_B"])

    assert alarm.names == [AlertName.CARD_TESTING_SUSPECTED]


async def test_without_limits_nobody_is_counted(alarm: SilentAlarm) -> None:
    counters = RedisCounters(f"redis://127.0.0.1:{closed_port()}")
    limiter = limits(alarm, counters=counters)

    for _ in range(100):
        await limiter.check_client("192.0.2.1")
        await limiter.check_cart("192.0.2.1", ["price_A"])

    assert alarm.told == []


async def test_a_missing_storage_stops_no_sale_and_alerts(alarm: SilentAlarm) -> None:
    url = f"redis://127.0.0.1:{closed_port()}"
    limiter = limits(alarm, per_client="1/day", overall="1/day", counters=RedisCounters(url))

    for _ in range(3):
        await limiter.check_client("192.0.2.1")
        await limiter.check_cart("192.0.2.1", ["price_A"])
    await limiter.close()

    ((name, words),) = alarm.told  # the rest went by while it was left alone
    assert name is AlertName.RATE_LIMITS_UNAVAILABLE
    assert words.startswith("RATE_LIMIT_STORAGE does not answer (")
    assert words.endswith("): checkouts are not limited for now")
    assert "127.0.0.1" not in words


async def test_a_storage_that_hangs_costs_one_buyer_a_quarter_of_a_second(
    alarm: SilentAlarm,
) -> None:
    async with upstream(on_connect=hangs) as server:
        url = f"redis://127.0.0.1:{server.port}"
        limiter = limits(
            alarm,
            per_client="1/day",
            counters=RedisCounters(url),
            timeout_s=rate_limits.STORAGE_TIMEOUT_S,
        )
        began_s = time.monotonic()
        for _ in range(20):
            await limiter.check_client("192.0.2.1")
        took_s = time.monotonic() - began_s
        await limiter.close()

    assert alarm.names == [AlertName.RATE_LIMITS_UNAVAILABLE]
    assert took_s < 4 * rate_limits.STORAGE_TIMEOUT_S
