"""Waiting events are woken page by page, and one that cannot be folded fails alone."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from typing import Any, cast

from app.databases import AnyDatabase
from app.domain.fold.records import EventState, Wake
from app.domain.fold.waking import WAKE_MAX
from app.domain.payments.status import PaymentStatus
from app.usecases.record_events import Recorded, RecordEvents
from app.usecases.replay_events import ReplayEvents
from app.usecases.storage import Transaction
from app.usecases.wake_events import PASSES_AT_ONCE
from tests.support.builders import (
    SESSION_ID,
    FixedClock,
    SilentAlarm,
    event,
    session,
)
from tests.support.observed import ObservedDatabase
from tests.support.recording import (
    batch,
    keep,
    kept_event,
    payment_of,
    payments,
    record,
    states,
)
from tests.support.stripe_objects import charge
from tests.support.waiting_events import (
    COMPLETED,
    T,
    leave_many,
    leave_pi_1,
    left,
    record_many,
    refund_event,
    until_nothing_is_left,
    waker,
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
