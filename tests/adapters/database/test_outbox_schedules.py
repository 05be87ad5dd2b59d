"""Schedules on every database: what is tried sooner than planned, and where that leaves it."""

from dataclasses import replace

import pytest

from app.adapters.database.postgres.database import PostgresDatabase
from app.adapters.database.sqlite.database import SqliteDatabase
from app.usecases.notification_tries import SettledTry, TryResult
from app.usecases.outbox import Notification
from tests.support.outbox import (
    LEASE_MS,
    NOW_MS,
    POSTED,
    PROBE_MS,
    ended,
    failed,
    lease,
    new_notification,
    notify,
)

AnyDatabase = SqliteDatabase | PostgresDatabase

HOURS_10_MS = 36_000_000


@pytest.fixture(params=["sqlite", "postgres"])
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def outbox(database: AnyDatabase) -> AnyDatabase:
    database.posting = POSTED
    return database


async def leased_of(outbox: AnyDatabase, count: int) -> list[Notification]:
    await notify(outbox, *(new_notification(number) for number in range(1, count + 1)))
    return list(await lease(outbox))


def failed_for_long(leased: Notification, at_ms: int = NOW_MS) -> SettledTry:
    return failed(leased, at_ms, again_in_ms=HOURS_10_MS)


async def numbers_due(outbox: AnyDatabase, at_ms: int) -> list[int]:
    return [int(each.id[4:]) for each in await lease(outbox, at_ms)]


async def test_what_is_made_due_keeps_the_time_for_which_it_was_planned(
    outbox: AnyDatabase,
) -> None:
    leased = await leased_of(outbox, 6)
    await outbox.settle_tries([failed_for_long(each) for each in leased[:5]])

    await outbox.settle_tries([ended(leased[5], at_ms=NOW_MS + 100)])

    again = await lease(outbox, NOW_MS + 105)
    assert len(again) == 5
    for each in again:
        assert each.planned_at_ms == NOW_MS + 5 + HOURS_10_MS
        assert each.attempts == 1
        assert each.is_ahead(NOW_MS + 105)
        assert not each.is_ahead(each.planned_at_ms)


async def test_a_receiver_that_takes_one_and_fails_again_at_once_has_worked_in_between(
    outbox: AnyDatabase,
) -> None:
    """Both are known in one transaction, because they ended together."""
    leased = await leased_of(outbox, 7)
    await outbox.settle_tries([failed_for_long(each) for each in leased[:5]])

    taken = ended(leased[5], at_ms=NOW_MS + 100)
    await outbox.settle_tries([taken, failed_for_long(leased[6], NOW_MS + 102)])

    assert await numbers_due(outbox, NOW_MS + 105) == [1, 2, 3, 4, 5]


async def test_the_whole_outage_may_be_told_in_one_transaction(outbox: AnyDatabase) -> None:
    leased = await leased_of(outbox, 6)

    taken = ended(leased[5], at_ms=NOW_MS + 100)
    await outbox.settle_tries([taken, *(failed_for_long(each) for each in leased[:5])])

    assert await numbers_due(outbox, NOW_MS + 105) == [1, 2, 3, 4, 5]


async def test_what_a_working_receiver_refused_is_not_made_due_by_an_outage(
    outbox: AnyDatabase,
) -> None:
    leased = await leased_of(outbox, 8)
    await outbox.settle_tries([failed_for_long(leased[0]), ended(leased[1], at_ms=NOW_MS + 1)])
    await outbox.settle_tries([failed_for_long(each, NOW_MS + 50) for each in leased[2:7]])

    await outbox.settle_tries([ended(leased[7], at_ms=NOW_MS + 100)])

    assert await numbers_due(outbox, NOW_MS + 105) == [3, 4, 5, 6, 7]


async def test_resuming_keeps_what_was_planned_too(outbox: AnyDatabase) -> None:
    (leased,) = await leased_of(outbox, 1)
    await outbox.settle_tries([failed_for_long(leased)])

    await outbox.resume_notifications(at_ms=NOW_MS + 100)

    (again,) = await lease(outbox, NOW_MS + 100)
    assert (again.planned_at_ms, again.attempts) == (NOW_MS + 5 + HOURS_10_MS, 1)


async def test_a_probe_that_was_cut_off_is_due_at_once_and_still_no_attempt(
    outbox: AnyDatabase,
) -> None:
    leased = await leased_of(outbox, 5)
    await outbox.settle_tries([failed_for_long(each) for each in leased])
    (probe,) = await lease(outbox, NOW_MS + PROBE_MS)

    await outbox.release_notifications([probe])

    (again,) = await lease(outbox, NOW_MS + 2 * PROBE_MS)
    assert again.id == probe.id
    assert (again.attempts, again.planned_at_ms) == (1, NOW_MS + 5 + HOURS_10_MS)


async def test_a_probe_of_a_sender_that_died_is_still_no_attempt(outbox: AnyDatabase) -> None:
    leased = await leased_of(outbox, 5)
    await outbox.settle_tries([failed_for_long(each) for each in leased])
    (probe,) = await lease(outbox, NOW_MS + PROBE_MS)

    (again,) = await lease(outbox, NOW_MS + PROBE_MS + LEASE_MS)

    assert again.id == probe.id
    assert (again.attempts, again.planned_at_ms) == (1, NOW_MS + 5 + HOURS_10_MS)


async def test_what_is_sent_again_by_an_operator_has_a_schedule_of_its_own(
    outbox: AnyDatabase,
) -> None:
    leased = await leased_of(outbox, 5)
    await outbox.settle_tries([failed_for_long(each) for each in leased])
    await outbox.resume_notifications(at_ms=NOW_MS + 100)

    await outbox.resend_notification(leased[0].id, at_ms=NOW_MS + 100)

    again = next(each for each in await lease(outbox, NOW_MS + 100) if each.id == leased[0].id)
    assert (again.attempts, again.planned_at_ms) == (0, None)


async def test_the_pause_that_was_asked_for_before_the_fifth_failure_delays_the_probe(
    outbox: AnyDatabase,
) -> None:
    leased = await leased_of(outbox, 5)
    asks = replace(failed_for_long(leased[0]), not_before_ms=NOW_MS + 600_000)
    await outbox.settle_tries([asks])
    await outbox.settle_tries([failed_for_long(each) for each in leased[1:]])

    assert await lease(outbox, NOW_MS + 599_999) == []
    assert len(await lease(outbox, NOW_MS + 600_000)) == 1


async def test_the_pause_that_was_asked_for_before_it_worked_delays_no_probe(
    outbox: AnyDatabase,
) -> None:
    leased = await leased_of(outbox, 7)
    asks = replace(failed_for_long(leased[0]), not_before_ms=NOW_MS + 600_000)
    await outbox.settle_tries([asks])
    await outbox.settle_tries([ended(leased[1], TryResult.TAKEN, at_ms=NOW_MS + 1)])
    await outbox.settle_tries([failed_for_long(each, NOW_MS + 2) for each in leased[2:]])

    assert len(await lease(outbox, NOW_MS + PROBE_MS)) == 1
