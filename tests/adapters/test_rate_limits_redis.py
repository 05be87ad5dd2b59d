"""Rate limits that several processes share in Redis."""

import random
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from redis.asyncio import Redis as RedisClient

from app.adapters import rate_limits
from app.adapters.counters import MemoryCounters, RedisCounters
from app.adapters.rate_limits import CheckoutLimits, Rates
from app.domain.limits.rate_limits import Rate, cart_rules, client_rules, parse_rate
from app.usecases.ports import AlertName
from tests.support.builders import DEADLINE_S, SilentAlarm
from tests.support.rate_limits import Clock, allowed_clients, limits
from tests.support.wire import closed_port

REDIS = shutil.which("redis-server")


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
        all_clear=lambda name, message, *, subject="": over.append((name, message)),  # noqa: ARG005 the port has it
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


async def test_memory_and_redis_refuse_the_same_requests_with_the_same_message(
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
