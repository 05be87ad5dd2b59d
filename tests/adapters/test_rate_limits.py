import asyncio
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from limits import parse

from app.adapters import rate_limits
from app.adapters.rate_limits import CheckoutLimits, Rates
from app.domain.errors import RateLimitedError
from app.usecases.ports import AlertName
from tests.adapters.wire import closed_port, hangs, upstream
from tests.builders import DEADLINE_S, SilentAlarm

REDIS = shutil.which("redis-server")


def limits(
    alarm: SilentAlarm,
    *,
    per_client: str | None = None,
    per_price: str | None = None,
    overall: str | None = None,
    storage_url: str = "memory",
) -> CheckoutLimits:
    rates = Rates(
        per_client=parse(per_client) if per_client else None,
        per_price=parse(per_price) if per_price else None,
        overall=parse(overall) if overall else None,
    )
    return CheckoutLimits(rates, storage_url=storage_url, alarm=alarm)


async def allowed_clients(limiter: CheckoutLimits, address: str = "192.0.2.1") -> bool:
    try:
        await limiter.check_client(address)
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
    limiter = limits(alarm, per_client="1/second")
    assert await allowed_clients(limiter)
    refused = not await allowed_clients(limiter)

    async with asyncio.timeout(DEADLINE_S):
        while not await allowed_clients(limiter):  # noqa: ASYNC110 the storage rings no bell
            await asyncio.sleep(0.05)

    assert refused


async def test_one_price_is_limited_whoever_asks_and_the_owner_hears(alarm: SilentAlarm) -> None:
    limiter = limits(alarm, per_price="1/day")
    await limiter.check_cart(["price_A"])

    with pytest.raises(RateLimitedError):
        await limiter.check_cart(["price_B", "price_A"])
    await limiter.check_cart(["price_C"])

    assert alarm.names == [AlertName.CARD_TESTING_SUSPECTED]


async def test_all_carts_together_are_limited_and_the_owner_hears(alarm: SilentAlarm) -> None:
    limiter = limits(alarm, overall="1/day")
    await limiter.check_cart(["price_A"])

    with pytest.raises(RateLimitedError):
        await limiter.check_cart(["price_B"])

    assert alarm.names == [AlertName.CARD_TESTING_SUSPECTED]


async def test_without_limits_nobody_is_counted(alarm: SilentAlarm) -> None:
    limiter = limits(alarm, storage_url=f"redis://127.0.0.1:{closed_port()}")

    for _ in range(100):
        await limiter.check_client("192.0.2.1")
        await limiter.check_cart(["price_A"])

    assert alarm.told == []


# A storage that fails


async def test_a_storage_that_is_not_there_stops_no_sale_and_is_told(alarm: SilentAlarm) -> None:
    url = f"redis://127.0.0.1:{closed_port()}"
    limiter = limits(alarm, per_client="1/day", overall="1/day", storage_url=url)

    for _ in range(3):
        await limiter.check_client("192.0.2.1")
        await limiter.check_cart(["price_A"])
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
        limiter = limits(alarm, per_client="1/day", storage_url=url)
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
    replicas = [limits(alarm, per_client="3/day", storage_url=redis.url) for _ in range(2)]

    answers = [await allowed_clients(replicas[number % 2]) for number in range(5)]
    for replica in replicas:
        await replica.close()

    assert answers == [True, True, True, False, False]
    assert alarm.told == []


async def test_a_redis_that_dies_is_left_alone_for_a_while_and_then_asked_again(
    redis: Redis, alarm: SilentAlarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = time.monotonic()
    limiter = limits(alarm, per_client="1/day", storage_url=redis.url)
    async with moved(monkeypatch) as clock:
        assert await allowed_clients(limiter)
        assert not await allowed_clients(limiter)
        redis.kill()
        while_dead = [await allowed_clients(limiter) for _ in range(3)]
        redis.start()
        await limiter.check_client("192.0.2.1")
        resting = [await allowed_clients(limiter) for _ in range(3)]
        clock.shift_s = rate_limits.STORAGE_REST_S + 1
        after_rest = [await allowed_clients(limiter) for _ in range(3)]
    await limiter.close()

    assert now_s <= time.monotonic()
    assert while_dead == resting == [True] * 3
    assert after_rest == [True, False, False]
    assert alarm.names == [AlertName.RATE_LIMITS_UNAVAILABLE]


@dataclass(slots=True)
class Shift:
    shift_s: float = 0.0


@asynccontextmanager
async def moved(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shift]:
    """The limiter's own clock, which a test may put forward."""
    shift, monotonic = Shift(), time.monotonic

    class Clock:
        monotonic = staticmethod(lambda: monotonic() + shift.shift_s)
        time = staticmethod(time.time)

    with monkeypatch.context() as patch:
        patch.setattr(rate_limits, "time", Clock)
        yield shift
