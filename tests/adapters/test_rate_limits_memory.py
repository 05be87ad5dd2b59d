"""The memory that many clients use."""

import ipaddress
import tracemalloc

from app.adapters.counters import MemoryCounters
from tests.support.builders import SilentAlarm
from tests.support.rate_limits import Clock, allowed_clients, limits


async def test_a_household_with_a_whole_56_is_one_household(alarm: SilentAlarm) -> None:
    limiter = limits(alarm, per_client="30/minute", clock_s=Clock())

    answers = [
        await allowed_clients(limiter, f"2001:db8:0:{number % 256:x}::/64") for number in range(512)
    ]

    assert answers.count(True) == 120
    assert await allowed_clients(limiter, "2001:db8:1::/64")


async def steps_of_a_request(alarm: SilentAlarm, tracked: int) -> int:
    """The work of one request, beside so many tracked addresses."""
    clock = Clock()
    counters = MemoryCounters(clock_s=clock, names_max=2 * tracked)
    limiter = limits(alarm, per_client="30/minute", counters=counters, clock_s=clock)
    for number in range(tracked):
        await limiter.check_client(str(ipaddress.IPv4Address(number << 8)))
    clock.now_s += 60
    before = counters.steps
    await limiter.check_client("192.0.2.1")
    return counters.steps - before


async def test_a_request_costs_the_same_however_many_addresses_are_tracked(
    alarm: SilentAlarm,
) -> None:
    assert await steps_of_a_request(alarm, 100) == await steps_of_a_request(alarm, 10_000)


async def test_a_flood_of_addresses_and_prices_costs_bounded_memory(alarm: SilentAlarm) -> None:
    clock = Clock()
    names_max = 500
    counters = MemoryCounters(clock_s=clock, names_max=names_max)
    rate = "1000000/minute"
    limiter = limits(alarm, per_client=rate, per_price=rate, counters=counters, clock_s=clock)
    long_name = "x" * 240

    tracemalloc.start()
    for number in range(1000):
        clock.now_s += 0.001
        client = f"2001:db8:{number:x}::/64"
        await limiter.check_client(client)
        await limiter.check_cart(client, [f"price_{long_name}{number}"])
    taken_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert counters.names == 3 * names_max  # clients, prices, and shares of prices
    assert taken_bytes < 800 * counters.names
