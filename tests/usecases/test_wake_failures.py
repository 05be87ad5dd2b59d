"""A waiting event that cannot be folded fails alone."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest

from app.databases import AnyDatabase
from app.domain.errors import ActTooLargeError, StorageUnavailableError
from app.domain.fold.records import EventState, Wake
from app.domain.money import AMOUNT_MAX
from app.domain.payments.status import PaymentStatus
from app.usecases.ports import AlertName
from app.usecases.record_events import Recorded
from app.usecases.replay_events import ReplayEvents
from app.usecases.storage import Transaction
from tests.support.builders import (
    SESSION_ID,
    FixedClock,
    SilentAlarm,
    event,
    session,
)
from tests.support.observed import ObservedDatabase
from tests.support.recording import (
    POISONED,
    keep,
    kept_event,
    payment_of,
    payments,
    record,
    states,
)
from tests.support.rows import mend, refuse
from tests.support.stripe_objects import refund
from tests.support.waiting_events import (
    COMPLETED,
    T,
    leave_pi_1,
    left,
    poison_event,
    record_many,
    refund_event,
    waker,
)


async def test_a_waiting_event_that_the_database_refuses_fails_alone(
    database: AnyDatabase, database_path: Path, alarm: SilentAlarm
) -> None:
    refuse(database_path, "INSERT ON payments", where=POISONED)
    good = [refund_event(number) for number in range(7)]
    await record(database, *good[:4], poison_event("evt_0003_poison"), *good[4:])

    outcome = await record(database, COMPLETED, alarm=alarm)

    found = await states(database)
    assert outcome == [Recorded.RECORDED]
    assert found.pop("evt_0003_poison") is EventState.FAILED
    assert set(found.values()) == {EventState.FOLDED}
    assert (await payment_of(database)).facts.amount_refunded_minor == 7
    assert [(name, words.partition(":")[0]) for name, words in alarm.told] == [
        (AlertName.EVENT_FOLD_FAILED, "evt_0003_poison")
    ]
    assert await left(database) == []


async def test_many_bad_ones_cost_a_bounded_number_of_transactions(
    database: AnyDatabase, database_path: Path
) -> None:
    refuse(database_path, "INSERT ON payments", where=POISONED)
    bad = [poison_event(f"evt_bad_{number}") for number in range(5)]
    await record(database, *[refund_event(number) for number in range(20)], *bad)
    observed = ObservedDatabase(database)

    await record(cast("AnyDatabase", observed), COMPLETED)
    while not await waker(observed)():
        pass

    found = await states(database)
    assert [found[f"evt_bad_{number}"] for number in range(5)] == [EventState.FAILED] * 5
    assert (await payment_of(database)).facts.amount_refunded_minor == 20
    assert observed.writes < 60


async def test_replaying_a_session_separates_its_event_from_the_bad_one_that_it_wakes(
    database: AnyDatabase, database_path: Path
) -> None:
    refuse(database_path, "INSERT ON payments", where=POISONED)
    await record(database, refund_event(1), poison_event())
    await keep(database, kept_event(COMPLETED, EventState.UNREAD))
    replay = ReplayEvents(
        database=database, clock=FixedClock(), alarm=SilentAlarm(), on_change=lambda _: None
    )

    ended = await replay.of_state(EventState.UNREAD)

    assert ended == {EventState.FOLDED: 1}
    assert (await states(database))["evt_poison"] is EventState.FAILED
    assert (await payment_of(database)).facts.amount_refunded_minor == 1


async def test_one_that_failed_is_folded_when_the_cause_has_gone(
    database: AnyDatabase, database_path: Path
) -> None:
    refuse(database_path, "INSERT ON payments", where=POISONED)
    await record(database, poison_event())
    await record(database, COMPLETED)
    mend(database_path, "INSERT ON payments")

    again = await record(database, poison_event())

    assert again == [Recorded.RECORDED]
    assert (await payment_of(database)).facts.amount_refunded_minor == 1


async def test_an_event_that_is_folded_elsewhere_already_is_left_as_it_is(
    database: AnyDatabase, database_path: Path, alarm: SilentAlarm
) -> None:
    await record(database, COMPLETED, poison_event())
    refuse(database_path, "INSERT ON payments", where=POISONED)
    other = event(id="evt_other", subject=session(id="cs_test_other"))

    await record(database, other, alarm=alarm)

    found = await states(database)
    assert found.pop("evt_other") is EventState.FAILED  # it names the first one's intent
    assert set(found.values()) == {EventState.FOLDED}
    assert set(await payments(database)) == {SESSION_ID, "cs_test_other"}
    assert ["evt_other" in words for _, words in alarm.told] == [True]


@pytest.mark.thorough
async def test_a_sum_that_no_number_holds_is_the_largest_amount(database: AnyDatabase) -> None:
    odd = [
        event("refund.created", refund(id=f"re_{n}", amount=2**53 - 1), id=f"evt_{n}")
        for n in range(1100)
    ]
    await record_many(database, odd)

    outcome = await record(database, COMPLETED)
    while not await waker(database)():
        pass

    payment = await payment_of(database)
    assert outcome == [Recorded.RECORDED]
    assert payment.facts.status is PaymentStatus.REFUNDED
    assert payment.facts.amount_refunded_minor == AMOUNT_MAX
    assert set((await states(database)).values()) == {EventState.FOLDED}


@dataclass(slots=True)
class Failing:
    """A database whose transactions fail as told, before they do anything."""

    inner: AnyDatabase
    error: Exception
    times: int
    writes: int = 0

    async def write(self, act: Callable[[Transaction], Awaitable[T]]) -> T:
        self.writes += 1
        if self.times:
            self.times -= 1
            raise self.error
        return await self.inner.write(act)


async def test_an_act_that_is_too_large_for_the_database_is_tried_smaller(
    database: AnyDatabase,
) -> None:
    await record(database, refund_event(1))
    failing = Failing(database, ActTooLargeError("words"), times=1)

    outcome = await record(cast("AnyDatabase", failing), COMPLETED)

    assert outcome == [Recorded.RECORDED]
    assert set((await states(database)).values()) == {EventState.FOLDED}


async def test_an_event_for_which_the_database_has_no_room_at_all_is_not_called_failed(
    database: AnyDatabase,
) -> None:
    failing = Failing(database, ActTooLargeError("words"), times=2)
    replay = ReplayEvents(
        database=cast("AnyDatabase", failing),
        clock=FixedClock(),
        alarm=SilentAlarm(),
        on_change=lambda _: None,
    )

    with pytest.raises(ActTooLargeError):
        await record(cast("AnyDatabase", failing), COMPLETED)
    await record(database, COMPLETED)
    failing.times = 2
    with pytest.raises(ActTooLargeError):
        await replay(["evt_completed"])

    assert await states(database) == {"evt_completed": EventState.FOLDED}


@pytest.mark.parametrize("error", [ActTooLargeError("words"), ZeroDivisionError()])
async def test_a_pass_that_fails_whatever_it_tries_says_so(
    database: AnyDatabase, error: Exception
) -> None:
    await record(database, refund_event(1), COMPLETED)
    await database.write(leave_pi_1)
    failing = Failing(database, error, times=100)

    with pytest.raises(type(error)):
        await waker(failing)()
    failing.times, failing.error = 100, StorageUnavailableError("words")
    with pytest.raises(StorageUnavailableError):
        await waker(failing)()

    assert await left(database) == [Wake("pi_1")]
