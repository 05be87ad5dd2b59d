"""Limits how many checkouts can be started: by one client and its networks, by price, and overall.

Card testing comes from thousands of addresses, so a limit by address alone does not stop it; the
limits by price and overall do, and reaching them raises an alert. Replicas share counts in Redis.
"""

import asyncio
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

from app.adapters.counters import Counters, MemoryCounters, RedisCounters
from app.domain.errors import RateLimitedError
from app.domain.limits.rate_limits import Kind, Rate, Refusal, Rule, cart_rules, client_rules
from app.usecases.ports import Alarm, AlertName, AllClear, say_nothing

STORAGE_TIMEOUT_S: Final = 0.25
STORAGE_REST_S: Final = 5.0  # pause after a failure, so that not every buyer waits for it


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """The limits in force; None where there is none."""

    per_client: Rate | None
    per_price: Rate | None
    overall: Rate | None


class CheckoutLimits:
    """Counts checkouts in a sliding window. Without its storage, sales continue without limits."""

    def __init__(  # noqa: PLR0913 what bootstrap and tests give
        self,
        rates: Rates,
        *,
        counters: Counters,
        alarm: Alarm,
        all_clear: AllClear = say_nothing,
        clock_s: Callable[[], float] = time.monotonic,
        timeout_s: float = STORAGE_TIMEOUT_S,
    ) -> None:
        self._rates = rates
        self._counters = counters
        self._alarm = alarm
        self._all_clear = all_clear
        self._clock_s = clock_s
        self._timeout_s = timeout_s
        self._resting_until_s = 0.0

    async def close(self) -> None:
        """Close the storage's connections."""
        await self._counters.close()

    async def check_client(self, client: str) -> None:
        """Count one request of this client (a name from `networks.py`).

        Raises:
            RateLimitedError: the client, or a network that contains it, has sent too many.
        """
        if self._rates.per_client:
            refused = await self._take(client_rules(self._rates.per_client, client))
            if refused:
                raise _error(refused, self._rates.per_client)

    async def check_cart(self, client: str | None, prices: Collection[str]) -> None:
        """Count one checkout, overall and for each of its prices.

        None is the shop's own server, which no network's share limits.

        Raises:
            RateLimitedError: all clients together started too many, or this one's network started
                so many that the rest is reserved for others.
        """
        overall, per_price = self._rates.overall, self._rates.per_price
        refused = await self._take(cart_rules(overall, per_price, client=client, prices=prices))
        if refused:
            is_overall = refused.rule.kind in {Kind.OVERALL, Kind.OVERALL_SHARE}
            rate = overall if is_overall else per_price
            assert rate  # noqa: S101 its rule has refused
            self._alarm(AlertName.CARD_TESTING_SUSPECTED, _words(refused, rate))
            raise _error(refused, rate)

    async def _take(self, rules: list[Rule]) -> Refusal | None:
        if not rules or self._clock_s() < self._resting_until_s:
            return None
        try:
            async with asyncio.timeout(self._timeout_s):
                refused = await self._counters.take(rules)
        except Exception as error:  # noqa: BLE001 whatever fails in there, shops go on selling
            self._resting_until_s = self._clock_s() + STORAGE_REST_S
            self._alarm(
                AlertName.RATE_LIMITS_UNAVAILABLE,
                f"RATE_LIMIT_STORAGE does not answer ({type(error).__name__}): checkouts are not "
                "limited for now",
            )
            return None
        self._all_clear(AlertName.RATE_LIMITS_UNAVAILABLE, "checkouts are limited again")
        return refused


def open_counters(storage_url: str) -> Counters:
    """Counters in memory, or in the Redis that `storage_url` names. Nothing connects yet."""
    return MemoryCounters() if storage_url == "memory" else RedisCounters(storage_url)


def _words(refused: Refusal, rate: Rate) -> str:
    """Describe the refusal for the owner, without the client's address, which is personal data."""
    if refused.rule.kind is Kind.OVERALL:
        return f"more than {rate.text} checkouts in all"
    if refused.rule.kind is Kind.PRICE:
        return f"more than {rate.text} checkouts of {refused.rule.who}"
    what = "in all" if refused.rule.kind is Kind.OVERALL_SHARE else "of one price"
    return f"nearly {rate.text} checkouts {what}; the network that started most of them must wait"


def _error(refused: Refusal, rate: Rate) -> RateLimitedError:
    return RateLimitedError(
        "Too many checkouts were started. Please wait a moment.",
        limit=max(rate.amount, refused.rule.amount),
        remaining=0,
        retry_after_s=refused.retry_after_s,
    )
