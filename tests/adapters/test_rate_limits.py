import ipaddress
import random
import shutil
import socket
import subprocess
import time
import tracemalloc
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from redis.asyncio import Redis as RedisClient

from app.adapters import rate_limits
from app.adapters.counters import Counters, MemoryCounters, RedisCounters
from app.adapters.rate_limits import CheckoutLimits, Rates
from app.domain.errors import RateLimitedError
from app.domain.limits.rate_limits import Rate, cart_rules, client_rules, parse_rate
from app.usecases.ports import AlertName
from tests.support.builders import DEADLINE_S, SilentAlarm
from tests.support.wire import closed_port, hangs, upstream

REDIS = shutil.which("redis-server")


class Clock:
    """Both clocks of a limiter; a test puts it forward."""

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


# In memory


async def test_a_client_may_so_often_and_no_more(alarm: SilentAlarm) -> None:
    limiter = limits(alarm, per_client="2/day")

    answers = [await allowed_clients(limiter) for _ in range(4)]

    assert answers == [True, True, False, False]
    assert await allowed_clients(limiter, "192.0.2.2")
    assert alarm.told == []  # somebody who is impatient is no news


async def test_who_is_refused_is_told_how_much_and_until_when(alarm: SilentAlarm) -> None:
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


async def test_one_price_is_limited_whoever_asks_and_the_owner_hears(alarm: SilentAlarm) -> None:
    limiter = limits(alarm, per_price="1/day")
    await limiter.check_cart("192.0.2.1", ["price_A"])

    with pytest.raises(RateLimitedError):
        await limiter.check_cart("192.0.2.1", ["price_B", "price_A"])
    await limiter.check_cart("192.0.2.1", ["price_C"])

    assert alarm.names == [AlertName.CARD_TESTING_SUSPECTED]


async def test_all_carts_together_are_limited_and_the_owner_hears(alarm: SilentAlarm) -> None:
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


# A storage that fails


async def test_a_storage_that_is_not_there_stops_no_sale_and_is_told(alarm: SilentAlarm) -> None:
    url = f"redis://127.0.0.1:{closed_port()}"
    limiter = limits(alarm, per_client="1/day", overall="1/day", counters=RedisCounters(url))

    for _ in range(3):
        await limiter.check_client("192.0.2.1")
        await limiter.check_cart("192.0.2.1", ["price_A"])
    await limiter.close()

    ((name, words),) = alarm.told  # the rest went by while it was left alone
    assert name is AlertName.RATE_LIMITS_UNAVAILABLE
    assert "checkouts are not limited for now" in words
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


# Redis itself


@dataclass(slots=True)
class Redis:
    port: int
    folder: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        assert REDIS is not None
        self.process = subprocess.Popen(  # noqa: S603 found above
            [REDIS, "--port", str(self.port), "--save", "", "--dir", str(self.folder)],
            stdout=subprocess.DEVNULL,
        )
        give_up_at = time.monotonic() + DEADLINE_S
        while time.monotonic() < give_up_at:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return
            time.sleep(0.01)
        raise AssertionError("redis-server did not start")

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    if REDIS is None:
        pytest.skip("redis-server is not installed")
    server = Redis(closed_port(), tmp_path)
    server.start()
    yield server
    server.kill()


async def test_replicas_share_their_counts_in_redis(redis: Redis, alarm: SilentAlarm) -> None:
    replicas = [
        limits(alarm, per_client="3/day", counters=RedisCounters(redis.url)) for _ in range(2)
    ]

    answers = [await allowed_clients(replicas[number % 2]) for number in range(5)]
    for replica in replicas:
        await replica.close()

    assert answers == [True, True, True, False, False]
    assert alarm.told == []


async def test_a_redis_that_dies_is_left_alone_for_a_while_and_then_asked_again(
    redis: Redis, alarm: SilentAlarm
) -> None:
    clock = Clock()
    counters = RedisCounters(redis.url, clock_s=clock)
    over: list[tuple[AlertName, str]] = []
    rates = Rates(per_client=parse_rate("1/day"), per_price=None, overall=None)
    limiter = CheckoutLimits(
        rates,
        counters=counters,
        alarm=alarm,
        all_clear=lambda name, words: over.append((name, words)),
        clock_s=clock,
        timeout_s=DEADLINE_S,
    )
    assert await allowed_clients(limiter)
    assert not await allowed_clients(limiter)
    over.clear()  # each answer of Redis may say it; who hears it knows whether there was an alert
    redis.kill()
    while_dead = [await allowed_clients(limiter) for _ in range(3)]
    over_while_dead = list(over)
    redis.start()
    resting = [await allowed_clients(limiter) for _ in range(3)]
    clock.now_s += rate_limits.STORAGE_REST_S + 1
    after_rest = [await allowed_clients(limiter) for _ in range(3)]
    await limiter.close()

    assert while_dead == resting == [True] * 3
    assert after_rest == [True, False, False]
    assert alarm.names == [AlertName.RATE_LIMITS_UNAVAILABLE]
    assert over_while_dead == []
    assert over[0] == (AlertName.RATE_LIMITS_UNAVAILABLE, "checkouts are limited again")


async def test_memory_and_redis_refuse_the_same_requests_with_the_same_words(
    redis: Redis,
) -> None:
    """Strangers' networks and buyers, of both families, over three minutes."""
    clock, dice = Clock(), random.Random(11)  # noqa: S311 no secret
    rates = {"client": Rate(5, 60, "5/minute"), "all": Rate(40, 60, "40/minute")}
    memory, shared = MemoryCounters(clock_s=clock), RedisCounters(redis.url, clock_s=clock)
    refusals = 0
    for _ in range(600):
        clock.now_s += dice.random() * 0.6
        client = dice.choice(
            [f"192.0.2.{dice.randrange(3)}", f"2001:db8:0:{dice.randrange(600):x}::/64"]
        )
        for rules in (
            client_rules(rates["client"], client),
            cart_rules(rates["all"], rates["all"], client=client, prices=["price_A", "price_B"]),
        ):
            told = await memory.take(rules)
            assert await shared.take(rules) == told
            refusals += told is not None
    await shared.close()

    assert 100 < refusals < 1100


async def test_counts_in_redis_end_by_themselves(redis: Redis, alarm: SilentAlarm) -> None:
    counters = RedisCounters(redis.url)
    limiter = limits(alarm, per_client="9/minute", overall="9/hour", counters=counters)
    await limiter.check_client("2001:db8:1:2::/64")
    await limiter.check_cart("2001:db8:1:2::/64", ["price_A"])
    await limiter.close()

    async with RedisClient.from_url(redis.url) as client:
        keys = [key async for key in client.scan_iter()]
        lives_s = {await client.ttl(key) for key in keys}

    assert len(keys) == 3 + 3
    assert all(0 < life_s <= 2 * 3600 for life_s in lives_s)


async def test_a_replica_whose_clock_is_a_little_ahead_counts_on(redis: Redis) -> None:
    ahead, behind = Clock(), Clock()
    ahead.now_s += 60
    rules = client_rules(Rate(3, 60, "3/minute"), "192.0.2.1")
    replicas = [RedisCounters(redis.url, clock_s=clock) for clock in (ahead, behind)]

    refused = [await replicas[number % 2].take(rules) is not None for number in range(5)]
    for replica in replicas:
        await replica.close()

    assert refused == [False, False, False, True, True]


# Many clients


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
    assert taken_bytes < 600 * counters.names
