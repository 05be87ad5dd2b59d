"""Commits whose answer is lost, and how the next request continues."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from app.databases import AnyDatabase
from app.domain.errors import (
    CommitInDoubtError,
)
from app.usecases.storage import Transaction
from tests.support.builders import (
    FixedClock,
)
from tests.support.checkouts_once import KEY, REQUEST, NumberedPages, T, checkouts, keys, once
from tests.support.observed import ObservedDatabase


@dataclass(slots=True)
class DoubtfulDatabase(ObservedDatabase):
    """The answers of the commits with these numbers are lost; `reached` tells if they were made."""

    doubtful: set[int] = field(default_factory=set)
    reached: bool = True

    async def write(self, act: Callable[[Transaction], Awaitable[T]]) -> T:
        self.writes += 1
        if self.writes not in self.doubtful:
            return await self.inner.write(act)
        if self.reached:
            await self.inner.write(act)
        raise CommitInDoubtError("words")


@pytest.mark.parametrize("reached", [True, False], ids=["committed", "not committed"])
async def test_a_claim_whose_answer_was_lost_is_known_by_its_checkout_id(
    database: AnyDatabase, database_path: Path, clock: FixedClock, *, reached: bool
) -> None:
    doubtful = DoubtfulDatabase(database, doubtful={1}, reached=reached)

    checkout = await once(doubtful, NumberedPages(), clock, wait_s=0)(REQUEST, KEY)

    assert keys(database_path) == [(checkout.id, "open")]


async def test_a_claim_that_stays_in_doubt_is_gone_on_with_by_the_next_request(
    database: AnyDatabase, database_path: Path, clock: FixedClock
) -> None:
    start = once(DoubtfulDatabase(database, doubtful={1, 2}), NumberedPages(), clock, wait_s=0)
    with pytest.raises(CommitInDoubtError):
        await start(REQUEST, KEY)

    checkout = await start(REQUEST, KEY)

    assert keys(database_path) == [(checkout.id, "open")]


async def test_a_checkout_whose_answer_was_lost_is_found_on_disk(
    database: AnyDatabase, database_path: Path, clock: FixedClock
) -> None:
    pages = NumberedPages()

    checkout = await once(DoubtfulDatabase(database, doubtful={2}), pages, clock)(REQUEST, KEY)

    assert keys(database_path) == [(checkout.id, "open")]
    assert pages.calls == 1


async def test_a_checkout_that_was_lost_with_its_answer_frees_the_key(
    database: AnyDatabase, database_path: Path, clock: FixedClock
) -> None:
    doubtful = DoubtfulDatabase(database, doubtful={2}, reached=False)

    with pytest.raises(CommitInDoubtError):
        await once(doubtful, NumberedPages(), clock)(REQUEST, KEY)

    assert keys(database_path) == []
    assert checkouts(database_path) == []


@pytest.mark.parametrize("reached", [True, False], ids=["committed", "not committed"])
async def test_a_checkout_without_a_key_is_found_on_disk_too(
    database: AnyDatabase, database_path: Path, clock: FixedClock, *, reached: bool
) -> None:
    start = once(
        DoubtfulDatabase(database, doubtful={1}, reached=reached), NumberedPages(), clock
    ).start

    outcome = await asyncio.gather(start(REQUEST), return_exceptions=True)

    found = checkouts(database_path)
    assert [getattr(each, "id", None) for each in outcome] == (found if reached else [None])
    assert len(found) == reached
