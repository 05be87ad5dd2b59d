"""What is checked before a key is claimed, counted in writes, and what counts for the limits."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from app.databases import AnyDatabase
from app.domain.checkout.cart import Mode
from app.domain.checkout.catalog import Catalog, CatalogPrice
from app.domain.errors import (
    AltanPayTimeoutError,
    CheckoutError,
    PriceNotForSaleError,
    RateLimitedError,
    RedirectNotAllowedError,
    StorageUnavailableError,
)
from tests.support.builders import DEADLINE_S, FixedClock, until
from tests.support.checkouts_once import KEY, REQUEST, NumberedPages, checkouts, once
from tests.support.observed import ObservedDatabase

ANOTHER_CATALOG = Catalog({"price_Z": CatalogPrice(id="price_Z", mode=Mode.PAYMENT)})
STRANGERS = replace(REQUEST, success_url="https://evil.example/")


@dataclass(slots=True)
class CountingLimits:
    """Limits that count, let the test wait, and refuse from `allowed` on."""

    allowed: int = 1000
    counted: int = 0
    may_pass: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.may_pass.set()

    async def check_cart(self, client: str | None, prices: Collection[str]) -> None:
        assert client
        assert prices
        if self.counted >= self.allowed:
            raise RateLimitedError("words", limit=1, remaining=0, retry_after_s=1)
        self.counted += 1
        await self.may_pass.wait()


class FullDatabase(ObservedDatabase):
    """A database that knows that it cannot write."""

    async def require_writable(self) -> None:
        raise StorageUnavailableError("words")


@pytest.mark.parametrize(
    ("error", "where"),
    [
        (PriceNotForSaleError, {"catalog": ANOTHER_CATALOG}),
        (RedirectNotAllowedError, {"request": STRANGERS}),
        (RateLimitedError, {"limits": CountingLimits(allowed=0)}),
    ],
)
async def test_a_cart_that_is_refused_writes_nothing(
    database: AnyDatabase, clock: FixedClock, error: type[CheckoutError], where: dict[str, Any]
) -> None:
    observed, pages = ObservedDatabase(database), NumberedPages()
    shop = {name: part for name, part in where.items() if name != "request"}

    with pytest.raises(error):
        await once(observed, pages, clock, **shop)(where.get("request", REQUEST), KEY)

    assert (observed.writes, pages.calls) == (0, 0)


async def test_nothing_is_written_where_that_is_known_to_fail(
    database: AnyDatabase, clock: FixedClock
) -> None:
    full, pages = FullDatabase(database), NumberedPages()

    with pytest.raises(StorageUnavailableError):
        await once(full, pages, clock)(REQUEST, KEY)

    assert (full.writes, pages.calls) == (0, 0)


async def test_the_answer_of_a_key_comes_before_every_check_and_is_not_counted(
    database: AnyDatabase, clock: FixedClock
) -> None:
    limits = CountingLimits(allowed=1)
    first = await once(database, NumberedPages(), clock, limits=limits)(REQUEST, KEY)

    full = FullDatabase(database)
    start = once(full, NumberedPages(), clock, catalog=ANOTHER_CATALOG, limits=limits)
    replays = [await start(REQUEST, KEY) for _ in range(3)]

    assert replays == [first] * 3
    assert (limits.counted, full.writes) == (1, 0)


async def test_a_checkout_with_a_key_is_two_writes(
    database: AnyDatabase, clock: FixedClock
) -> None:
    observed, limits = ObservedDatabase(database), CountingLimits()

    await once(observed, NumberedPages(), clock, limits=limits)(REQUEST, KEY)

    assert (observed.writes, limits.counted) == (2, 1)


async def test_who_waits_for_a_key_counts_only_when_its_turn_comes(
    database: AnyDatabase, clock: FixedClock
) -> None:
    limits, pages = CountingLimits(), NumberedPages([AltanPayTimeoutError("words")])
    pages.may_answer.clear()
    observed = ObservedDatabase(database)
    start = once(observed, pages, clock, limits=limits)
    first = asyncio.create_task(start(REQUEST, KEY))
    await asyncio.wait_for(pages.called.wait(), DEADLINE_S)
    second = asyncio.create_task(start(REQUEST, KEY))
    await until(lambda: observed.finds > 2)
    counted_while_waiting = limits.counted
    pages.may_answer.set()

    with pytest.raises(AltanPayTimeoutError):
        await first
    await second

    assert (counted_while_waiting, limits.counted) == (1, 2)


async def test_who_was_admitted_and_lost_the_key_is_not_counted_again_when_it_is_free(
    database: AnyDatabase, database_path: Path, clock: FixedClock
) -> None:
    limits, pages = CountingLimits(), NumberedPages([AltanPayTimeoutError("words")])
    limits.may_pass.clear()
    pages.may_answer.clear()
    start = once(database, pages, clock, limits=limits)
    both = [asyncio.create_task(start(REQUEST, KEY)) for _ in range(2)]
    await until(lambda: limits.counted == 2)
    limits.may_pass.set()
    await asyncio.wait_for(pages.called.wait(), DEADLINE_S)
    pages.may_answer.set()

    outcomes = await asyncio.gather(*both, return_exceptions=True)

    assert sum(isinstance(outcome, AltanPayTimeoutError) for outcome in outcomes) == 1
    assert len(checkouts(database_path)) == 1
    assert (pages.calls, limits.counted) == (2, 2)
