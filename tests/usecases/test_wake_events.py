"""Waiting events are woken page by page, and one that cannot be folded fails alone."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

import pytest

from app.databases import AnyDatabase
from app.domain.errors import ActTooLargeError, StorageUnavailableError
from app.domain.fold.records import EventState, Wake
from app.domain.fold.waking import WAKE_MAX, WAKES_AT_ONCE
from app.domain.money import AMOUNT_MAX
from app.domain.payments.status import PaymentStatus
from app.usecases.ports import AlertName
from app.usecases.record_events import Recorded, RecordEvents
from app.usecases.replay_events import ReplayEvents
from app.usecases.storage import Transaction
from app.usecases.wake_events import PASSES_AT_ONCE, WakeEvents
from tests.support.builders import (
    DEADLINE_S,
    SESSION_ID,
    Document,
    FixedClock,
    SilentAlarm,
    event,
    session,
)
from tests.support.observed import ObservedDatabase
from tests.support.recording import (
    POISONED,
    batch,
    keep,
    kept_event,
    look,
    payment_of,
    payments,
    poison,
    record,
    states,
)
from tests.support.rows import mend, refuse
from tests.support.stores import put
from tests.support.stripe_objects import charge, refund

T = TypeVar("T")

COMPLETED = event(id="evt_completed")


def refund_event(number: int, **changes: object) -> Document:
    return event(
        "refund.created",
        refund(id=f"re_{number}", amount=1, charge=None, **changes),
        id=f"evt_{number:04}",
    )


def poison_event(id_: str = "evt_poison") -> Document:
    return event("charge.updated", poison(), id=id_)


async def record_many(database: AnyDatabase, documents: Sequence[Document]) -> None:
    for start in range(0, len(documents), 100):
        await record(database, *documents[start : start + 100])


async def left(database: AnyDatabase) -> list[Wake]:
    return list((await look(database, wakes_max=1000)).wakes)


async def until_nothing_is_left(database: AnyDatabase) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while await left(database):  # noqa: ASYNC110 a process of its own sets no event
            await asyncio.sleep(0.01)


def waker(
    database: object, alarm: SilentAlarm | None = None, *, every_s: float = 1e6
) -> WakeEvents:
    return WakeEvents(
        database=cast("AnyDatabase", database),
        clock=FixedClock(),
        alarm=alarm or SilentAlarm(),
        on_change=lambda _: None,
        every_s=every_s,
    )


# --- in pages


async def test_a_sender_waits_for_a_thousand_events_to_be_woken_a_page_at_a_time(
    database: AnyDatabase,
) -> None:
    await record_many(database, [refund_event(number) for number in range(WAKE_MAX * 2 + 50)])
    observed = ObservedDatabase(database)

    await record(cast("AnyDatabase", observed), COMPLETED)

    assert set((await states(database)).values()) == {EventState.FOLDED}
    assert (await payment_of(database)).facts.amount_refunded_minor == WAKE_MAX * 2 + 50
    assert await left(database) == []
    assert observed.writes == 1 + 3 + 1  # the event; its pages; and to see that nothing is left


async def test_what_a_sender_does_not_wait_for_is_asked_for_and_woken_beside_the_requests(
    database: AnyDatabase,
) -> None:
    count = WAKE_MAX * PASSES_AT_ONCE + 50
    await record_many(database, [refund_event(number) for number in range(count)])
    asked: list[None] = []
    recording = RecordEvents(
        database=database,
        clock=FixedClock(),
        alarm=SilentAlarm(),
        on_change=lambda _: None,
        hurry=lambda: asked.append(None),
    )

    await recording(batch(COMPLETED))
    at_once = (await payment_of(database)).facts.amount_refunded_minor
    running = asyncio.create_task(waker(database).run())
    await until_nothing_is_left(database)
    running.cancel()

    assert at_once == WAKE_MAX * PASSES_AT_ONCE
    assert len(asked) == 1
    assert (await payment_of(database)).facts.amount_refunded_minor == count


async def test_what_waits_beside_the_requests_can_be_hurried(database: AnyDatabase) -> None:
    await record(database, COMPLETED)
    observed = ObservedDatabase(database)
    waking = waker(observed)
    running = asyncio.create_task(waking.run())
    while not observed.writes:  # noqa: ASYNC110 it looks once at its start
        await asyncio.sleep(0)
    await database.write(leave_many)

    waking.hurry()
    await until_nothing_is_left(database)
    running.cancel()


async def test_what_is_left_outlives_a_database_that_goes_down_after_the_commit(
    database: AnyDatabase,
) -> None:
    await record_many(database, [refund_event(number) for number in range(WAKE_MAX + 1)])
    observed = ObservedDatabase(database, writes_down=0)

    class DownAfterOne:
        async def write(self, act: Callable[[Transaction], Awaitable[T]]) -> T:
            observed.writes_down = observed.writes  # the first succeeds, each other fails
            return await observed.write(act)

    outcome = await record(cast("AnyDatabase", DownAfterOne()), COMPLETED)
    paid = await payment_of(database)
    pending = await left(database)

    running = asyncio.create_task(waker(database, every_s=0.01).run())  # the next process
    await until_nothing_is_left(database)
    running.cancel()

    assert outcome == [Recorded.RECORDED]
    assert paid.facts.status is PaymentStatus.PAID
    assert pending == [Wake("pi_1")]
    assert set((await states(database)).values()) == {EventState.FOLDED}


async def test_waking_continues_when_the_database_is_back(database: AnyDatabase) -> None:
    await record_many(database, [refund_event(number) for number in range(3)])
    await record(database, COMPLETED)
    await database.write(leave_pi_1)
    observed = ObservedDatabase(database, writes_down=1)

    running = asyncio.create_task(waker(observed, every_s=0.01).run())
    await until_nothing_is_left(database)
    running.cancel()


async def leave_many(transaction: Transaction) -> None:
    """More than one call wakes, though nothing speaks of them."""
    count = WAKES_AT_ONCE * (PASSES_AT_ONCE + 1)
    await put(transaction, *(Wake(f"ch_{number}") for number in range(count)))
    await transaction.commit()


async def leave_pi_1(transaction: Transaction) -> None:
    await put(transaction, Wake("pi_1"))
    await transaction.commit()


async def test_an_id_that_a_second_session_names_stays_whole_with_the_first(
    database: AnyDatabase,
) -> None:
    await record_many(database, [refund_event(number) for number in range(WAKE_MAX + 20)])
    await record(database, COMPLETED)
    second = event(id="evt_second", subject=session(id="cs_test_second"))

    await record(database, second)

    kept = await payments(database)
    assert len(kept[SESSION_ID].facts.refunds) == WAKE_MAX + 20
    assert not kept["cs_test_second"].facts.refunds


async def test_a_replay_wakes_to_the_end(database: AnyDatabase) -> None:
    await record_many(database, [refund_event(number) for number in range(WAKE_MAX + 20)])
    await keep(database, kept_event(COMPLETED, EventState.UNREAD))
    await database.write(leave_many)
    replay = ReplayEvents(
        database=database, clock=FixedClock(), alarm=SilentAlarm(), on_change=lambda _: None
    )

    await replay.of_state(EventState.UNREAD)

    assert set((await states(database)).values()) == {EventState.FOLDED}
    assert await left(database) == []


# --- a bad one fails alone


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


# --- another transaction folds what is to be woken


@dataclass(slots=True)
class Contended:
    """Transactions that cannot have some ids at once; `locked` is what was waited for."""

    inner: AnyDatabase
    ids: frozenset[str]
    locked: list[set[str]] = field(default_factory=list)

    async def write(self, act: Callable[[Transaction], Awaitable[T]]) -> T:
        async def contend(transaction: Transaction) -> T:
            return await act(cast("Transaction", _ContendedTransaction(transaction, self)))

        return await self.inner.write(contend)


class _ContendedTransaction:
    def __init__(self, transaction: Transaction, database: Contended) -> None:
        self._transaction = transaction
        self._database = database

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 whatever the transaction has
        return getattr(self._transaction, name)

    async def lock(self, object_ids: Collection[str], *, wait: bool = True) -> bool:
        if not wait:
            return not (self._database.ids & (set(object_ids) - self._database.locked[-1]))
        if object_ids:
            self._database.locked.append(set(object_ids))
        return await self._transaction.lock(object_ids)


async def test_ids_that_another_transaction_holds_are_waited_for_only_before_all_others(
    database: AnyDatabase,
) -> None:
    waiting = event("charge.succeeded", charge(), id="evt_charge")
    await record(database, waiting)
    contended = Contended(database, frozenset({"ch_1"}))

    await record(cast("AnyDatabase", contended), COMPLETED)

    assert set((await states(database)).values()) == {EventState.FOLDED}
    assert contended.locked == [
        {SESSION_ID, "pi_1"},  # the session's event, which leaves the charge's to
        {"pi_1"},  # a pass, which learns what else it needs
        {"pi_1", "ch_1"},  # and one that waits for all of it at once
    ]


async def test_a_chain_is_woken_to_its_end_over_many_transactions(database: AnyDatabase) -> None:
    length = 3 * WAKE_MAX
    chain = [
        event("charge.succeeded", charge(id=f"pi_{n + 1}", payment_intent=f"pi_{n}"), id=f"evt_{n}")
        for n in range(1, length)
    ]
    await record_many(database, chain)

    await record(database, COMPLETED)
    while not await waker(database)():
        pass

    assert set((await states(database)).values()) == {EventState.FOLDED}
