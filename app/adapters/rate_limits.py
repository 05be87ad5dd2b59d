"""How many checkouts may be started: by one client, for one price, and in all.

Card testing comes from thousands of addresses, so a limit by address alone does not stop it; the
limits by price and over all do, and crossing them is an alert. Replicas share counts in Redis.
"""

import asyncio
import math
import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog
from limits import RateLimitItem
from limits.aio.storage import MemoryStorage, Storage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.storage import storage_from_string

from app.domain.errors import RateLimitedError
from app.usecases.ports import Alarm, AlertName

if TYPE_CHECKING:
    from redis.asyncio import ConnectionPool

STORAGE_TIMEOUT_S: Final = 0.25
STORAGE_REST_S: Final = 5.0  # after a failure it is left alone, so that not every buyer waits

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """The limits in force; None where there is none."""

    per_client: RateLimitItem | None
    per_price: RateLimitItem | None
    overall: RateLimitItem | None


class CheckoutLimits:
    """Counts checkouts in a sliding window. A storage that is down must not stop sales."""

    def __init__(self, rates: Rates, *, storage_url: str, alarm: Alarm) -> None:
        self._rates = rates
        self._pool = None if storage_url == "memory" else _pool(storage_url)
        self._limiter = SlidingWindowCounterRateLimiter(_storage(storage_url, self._pool))
        self._alarm = alarm
        self._resting_until_s = 0.0

    async def close(self) -> None:
        """Let the storage's connections go."""
        if self._pool:
            await self._pool.disconnect()

    async def check_client(self, address: str) -> None:
        """Count one request of this client.

        Raises:
            RateLimitedError: it has sent too many.
        """
        if self._rates.per_client:
            await self._hit(self._rates.per_client, "client", address)

    async def check_cart(self, prices: Collection[str]) -> None:
        """Count one checkout, overall and for each of its prices.

        Raises:
            RateLimitedError: there are too many of them, from whomever.
        """
        if self._rates.overall:
            await self._hit_or_alarm(self._rates.overall, "overall", "")
        if self._rates.per_price:
            for price in prices:
                await self._hit_or_alarm(self._rates.per_price, "price", price)

    async def _hit_or_alarm(self, rate: RateLimitItem, kind: str, who: str) -> None:
        try:
            await self._hit(rate, kind, who)
        except RateLimitedError:
            words = f"more than {rate} checkouts {f'of {who}' if who else 'in all'}"
            self._alarm(AlertName.CARD_TESTING_SUSPECTED, words)
            raise

    async def _hit(self, rate: RateLimitItem, kind: str, who: str) -> None:
        if time.monotonic() < self._resting_until_s:
            return
        try:
            async with asyncio.timeout(STORAGE_TIMEOUT_S):
                if await self._limiter.hit(rate, kind, who):
                    return
                window = await self._limiter.get_window_stats(rate, kind, who)
        except Exception as error:  # noqa: BLE001 whatever fails in there, shops go on selling
            self._resting_until_s = time.monotonic() + STORAGE_REST_S
            self._alarm(
                AlertName.RATE_LIMITS_UNAVAILABLE,
                f"{type(error).__name__}: checkouts are not limited for now",
            )
            return
        raise RateLimitedError(
            "Too many checkouts were started. Please wait a moment.",
            limit=rate.amount,
            remaining=window.remaining,
            retry_after_s=max(1, math.ceil(window.reset_time - time.time())),
        )


def _pool(url: str) -> "ConnectionPool":
    from redis.asyncio import ConnectionPool  # noqa: PLC0415 most do without its weight

    return ConnectionPool.from_url(url)


def _storage(url: str, pool: "ConnectionPool | None") -> Storage:
    if pool is None:
        return MemoryStorage()
    storage = storage_from_string(
        f"async+{url}",
        implementation="redispy",
        connection_pool=pool,  # type: ignore[arg-type]  # the client takes it
    )
    assert isinstance(storage, Storage)  # noqa: S101 "async+" makes it one
    return storage
