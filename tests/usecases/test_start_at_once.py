"""Requests with the same key at the same time, and holders that are slow or die."""

import asyncio
from pathlib import Path

import pytest

from app.databases import AnyDatabase
from app.domain.checkout.idempotency import (
    KEY_LIFE_MS,
    IdempotencyKey,
)
from app.domain.errors import (
    AltanPayTimeoutError,
)
from app.usecases.ports import AlertName
from app.usecases.storage import Transaction
from tests.support.builders import (
    DEADLINE_S,
    FixedClock,
    SilentAlarm,
    housekeeping,
    query,
    until,
)
from tests.support.checkouts_once import (
    KEY,
    LEASE_MS,
    NOW_MS,
    REQUEST,
    NumberedPages,
    checkouts,
    claim,
    keys,
    once,
    seed,
)


# Two at once
async def test_two_at_once_make_one_session_and_the_second_waits_for_it(
    database: AnyDatabase, database_path: Path, clock: FixedClock
) -> None:
    pages = NumberedPages()
    pages.may_answer.clear()
    act = once(database, pages, clock)
    calls = [asyncio.create_task(act(REQUEST, KEY)) for _ in range(5)]
    await asyncio.wait_for(pages.called.wait(), DEADLINE_S)

    pages.may_answer.set()
    answers = await asyncio.gather(*calls)

    assert pages.calls == 1
    assert len({checkout.url for checkout in answers}) == 1
    assert len(checkouts(database_path)) == 1


async def test_who_waited_for_a_failure_tries_in_its_place(
    database: AnyDatabase, clock: FixedClock
) -> None:
    pages = NumberedPages([AltanPayTimeoutError("words")])
    pages.may_answer.clear()
    act = once(database, pages, clock)
    first = asyncio.create_task(act(REQUEST, KEY))
    await asyncio.wait_for(pages.called.wait(), DEADLINE_S)
    second = asyncio.create_task(act(REQUEST, KEY))

    pages.may_answer.set()

    with pytest.raises(AltanPayTimeoutError):
        await first
    assert (await second).url.endswith("cs_2")


async def test_two_keys_are_two_checkouts(database: AnyDatabase, clock: FixedClock) -> None:
    act = once(database, NumberedPages(), clock)

    first = await act(REQUEST, KEY)
    second = await act(REQUEST, IdempotencyKey("0" * 64))

    assert first.url != second.url


async def test_a_slow_holder_that_lost_its_lease_hands_out_its_successors_page(
    database: AnyDatabase, database_path: Path, clock: FixedClock
) -> None:
    slow, quick = NumberedPages(), NumberedPages(calls=100)
    slow.may_answer.clear()
    outwaited = once(database, slow, clock, wait_s=0)  # a lease is longer than any wait
    first = asyncio.create_task(outwaited(REQUEST, KEY))
    await asyncio.wait_for(slow.called.wait(), DEADLINE_S)
    clock.ms += LEASE_MS + 1
    second = await once(database, quick, clock)(REQUEST, KEY)

    slow.may_answer.set()

    assert await first == second
    assert second.url.endswith("cs_101")
    assert checkouts(database_path) == [second.id]


async def test_a_slow_holder_that_fails_does_not_free_its_successors_key(
    database: AnyDatabase, database_path: Path, clock: FixedClock
) -> None:
    slow, quick = NumberedPages([AltanPayTimeoutError("words")]), NumberedPages(calls=100)
    slow.may_answer.clear()
    first = asyncio.create_task(once(database, slow, clock)(REQUEST, KEY))
    await asyncio.wait_for(slow.called.wait(), DEADLINE_S)
    clock.ms += LEASE_MS + 1
    quick.may_answer.clear()
    successor = asyncio.create_task(once(database, quick, clock)(REQUEST, KEY))
    await asyncio.wait_for(quick.called.wait(), DEADLINE_S)

    slow.may_answer.set()
    with pytest.raises(AltanPayTimeoutError):
        await first
    ((holder, state),) = keys(database_path)
    quick.may_answer.set()

    assert (await successor).id == holder
    assert state == "creating"


async def test_who_dies_between_the_two_transactions_is_succeeded_after_the_lease(
    database: AnyDatabase, database_path: Path, clock: FixedClock
) -> None:
    dying = NumberedPages()
    dying.may_answer.clear()
    call = asyncio.create_task(once(database, dying, clock)(REQUEST, KEY))
    await asyncio.wait_for(dying.called.wait(), DEADLINE_S)
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    clock.ms += LEASE_MS + 1

    checkout = await once(database, NumberedPages(), clock)(REQUEST, KEY)

    assert keys(database_path) == [(checkout.id, "open")]


# What is forgotten
async def test_a_round_of_housekeeping_forgets_five_hundred_dead_keys_at_most(
    database: AnyDatabase, database_path: Path, clock: FixedClock
) -> None:
    async def add(transaction: Transaction) -> None:
        for number in range(700):
            created_at_ms = NOW_MS - KEY_LIFE_MS - (number < 600)
            key = claim(key_digest=f"{number:064}", created_at_ms=created_at_ms)
            await transaction.claim(key, dead_before_ms=0)
        await transaction.commit()

    await database.write(add)
    tidy = housekeeping(database, clock)

    assert [await tidy() for _ in range(3)] == [500, 100, 0]
    assert len(keys(database_path)) == 100


async def test_housekeeping_continues_after_a_failed_round(
    database: AnyDatabase, database_path: Path, clock: FixedClock, alarm: SilentAlarm
) -> None:
    await seed(database, claim())
    clock.ms += KEY_LIFE_MS + 1
    query(database_path, "ALTER TABLE idempotency_keys RENAME TO elsewhere")
    tidy = housekeeping(database, clock, every_s=0.01)

    running = asyncio.create_task(tidy.run())
    await until(lambda: len(alarm.told) > 1)
    query(database_path, "ALTER TABLE elsewhere RENAME TO idempotency_keys")
    await until(lambda: keys(database_path) == [])
    running.cancel()

    assert set(alarm.names) == {AlertName.STORAGE_UNAVAILABLE}
