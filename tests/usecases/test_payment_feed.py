"""Followers of a payment learn of each change, at once or with the next tick."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from app.databases import AnyDatabase
from app.domain.payments.status import PaymentStatus
from app.usecases.payment_feed import TICK_S, PaymentFeed
from tests.support.builders import (
    CHECKOUT_ID,
    DEADLINE_S,
    SESSION_ID,
    SilentAlarm,
    event,
    session,
    until,
)
from tests.support.observed import ObservedDatabase
from tests.support.recording import checkout, keep, record
from tests.support.rows import open_database
from tests.support.stripe_objects import dispute
from tests.support.watching import (
    AT_ONCE_S,
    BUYER,
    REFUNDED,
    make_watch,
    next_status,
    some_turns,
    ticking,
)


@pytest.fixture
async def observed(database: AnyDatabase) -> ObservedDatabase:
    return ObservedDatabase(database)


@pytest.fixture
async def watch(observed: ObservedDatabase) -> PaymentFeed:
    return make_watch(observed)


# --- what this process records


async def test_what_is_shown_at_first_is_what_is_committed(
    database: AnyDatabase, watch: PaymentFeed
) -> None:
    await record(database, event())

    async with watch.follow(SESSION_ID, BUYER) as follower:
        assert follower.shown.status is PaymentStatus.PAID
        assert await follower.next(AT_ONCE_S) is None


@pytest.mark.parametrize("public_id", [SESSION_ID, CHECKOUT_ID])
@pytest.mark.parametrize("session_id", [SESSION_ID, None])
async def test_followers_by_either_id_are_notified_at_once(
    database: AnyDatabase,
    observed: ObservedDatabase,
    watch: PaymentFeed,
    public_id: str,
    session_id: str | None,
) -> None:
    await keep(database, checkout(session_id))
    await record(database, event(subject=session(payment_status="unpaid")))

    async with watch.follow(public_id, BUYER) as follower:
        await record(
            database,
            event("checkout.session.async_payment_succeeded", id="evt_2"),
            on_change=watch.changed,
        )

        assert await next_status(follower) is PaymentStatus.PAID
        assert follower.shown.status is PaymentStatus.PAID
        assert await follower.next(AT_ONCE_S) is None
    assert observed.asked == []


async def test_each_change_is_told(database: AnyDatabase, watch: PaymentFeed) -> None:
    await keep(database, checkout())

    async with watch.follow(CHECKOUT_ID, BUYER) as follower:
        seen = [follower.shown.status]
        for document in (
            event(subject=session(payment_status="unpaid"), id="evt_1"),
            event("checkout.session.async_payment_succeeded", id="evt_2"),
            REFUNDED,
            event("charge.dispute.created", dispute(), id="evt_4"),
        ):
            await record(database, document, on_change=watch.changed)
            seen.append(await next_status(follower))

    assert seen == ["open", "processing", "paid", "partially_refunded", "disputed"]


async def test_a_slow_reader_gets_only_the_latest_state(
    database: AnyDatabase, watch: PaymentFeed
) -> None:
    await keep(database, checkout())

    async with watch.follow(CHECKOUT_ID, BUYER) as slow, watch.follow(CHECKOUT_ID, BUYER) as quick:
        for document in (event(), REFUNDED):
            await record(database, document, on_change=watch.changed)
            await quick.next(DEADLINE_S)

        assert await next_status(slow) is PaymentStatus.PARTIALLY_REFUNDED
        assert await slow.next(AT_ONCE_S) is None


async def test_other_payments_are_no_news(database: AnyDatabase, watch: PaymentFeed) -> None:
    await record(database, event())

    async with watch.follow(SESSION_ID, BUYER) as follower:
        other = session(id="cs_test_other", payment_intent="pi_other", success_url=None)
        await record(database, event(id="evt_2", subject=other), on_change=watch.changed)
        await some_turns()

        assert await follower.next(AT_ONCE_S) is None


async def test_a_change_that_nobody_waits_for_is_not_read(
    database: AnyDatabase, observed: ObservedDatabase, watch: PaymentFeed
) -> None:
    await record(database, event(), on_change=watch.changed)
    await some_turns()

    assert (observed.finds, observed.asked) == (0, [])


async def test_changes_that_come_during_a_read_are_read_after_it(
    database: AnyDatabase, observed: ObservedDatabase, watch: PaymentFeed
) -> None:
    await record(database, event())

    async with watch.follow(SESSION_ID, BUYER) as follower:
        observed.answers.clear()
        await record(database, REFUNDED, on_change=watch.changed)
        await until(lambda: observed.held == 1)
        await record(
            database,
            event("charge.dispute.created", dispute(), id="evt_3"),
            on_change=watch.changed,
        )
        observed.answers.set()

        while await next_status(follower) is not PaymentStatus.DISPUTED:
            pass


async def test_a_read_that_ends_late_does_not_turn_time_back(
    database: AnyDatabase, observed: ObservedDatabase, watch: PaymentFeed
) -> None:
    await record(database, event())
    observed.answers.clear()

    async def follow() -> PaymentStatus:
        async with watch.follow(SESSION_ID, BUYER) as follower:
            return follower.shown.status

    late = asyncio.create_task(follow())
    await until(lambda: observed.held == 1)
    await record(database, REFUNDED)
    held_back, observed.answers = observed.answers, asyncio.Event()
    observed.answers.set()
    async with watch.follow(SESSION_ID, BUYER) as follower:
        held_back.set()

        assert follower.shown.status is PaymentStatus.PARTIALLY_REFUNDED
        assert await late is PaymentStatus.PARTIALLY_REFUNDED
        assert await follower.next(AT_ONCE_S) is None


async def test_a_checkout_that_is_kept_after_its_first_event_is_shown(
    database: AnyDatabase, watch: PaymentFeed
) -> None:
    await record(database, event())

    async with watch.follow(SESSION_ID, BUYER) as early:
        before = early.shown.checkout_id
        await keep(database, checkout())
        async with watch.follow(SESSION_ID, BUYER) as late:
            assert (before, late.shown.checkout_id) == (None, CHECKOUT_ID)
        news = await early.next(DEADLINE_S)

    assert news is not None
    assert news.checkout_id == CHECKOUT_ID


# --- what another process records


async def test_what_another_process_records_is_seen_within_a_tick(
    database_path: Path, alarm: SilentAlarm, watch: PaymentFeed
) -> None:
    another = open_database(database_path, alarm)
    await keep(another, checkout())

    async with ticking(watch), watch.follow(CHECKOUT_ID, BUYER) as follower:
        await record(another, event())
        assert await next_status(follower) is PaymentStatus.PAID
        await record(another, REFUNDED)
        assert await next_status(follower) is PaymentStatus.PARTIALLY_REFUNDED
    await another.close()
    assert TICK_S <= 0.5


async def test_of_several_sessions_of_one_checkout_each_is_watched(
    database: AnyDatabase, watch: PaymentFeed
) -> None:
    await keep(database, checkout(None))
    spare = session(id="cs_test_spare", payment_intent=None, payment_status="unpaid")

    async with ticking(watch), watch.follow(CHECKOUT_ID, BUYER) as follower:
        await record(database, event("checkout.session.expired", spare, id="evt_1"))
        assert await next_status(follower) is PaymentStatus.EXPIRED
        await record(database, event(id="evt_2"))
        assert await next_status(follower) is PaymentStatus.PAID


@pytest.mark.thorough
async def test_a_thousand_followers_cost_one_query_a_tick(
    database: AnyDatabase, observed: ObservedDatabase, watch: PaymentFeed
) -> None:
    sessions = [session(id=f"cs_test_{n}", payment_intent=f"pi_{n}") for n in range(1000)]
    await record(database, *(event(id=f"evt_{n}", subject=each) for n, each in enumerate(sessions)))

    async with AsyncExitStack() as stack:
        for each in sessions:
            await stack.enter_async_context(watch.follow(each["id"], BUYER))
        opened = observed.finds
        async with ticking(watch):
            await until(lambda: len(observed.asked) >= 10)

        assert set(observed.asked) == {1000}
        assert observed.finds == opened


async def test_what_many_follow_is_read_once_when_it_changes(
    database: AnyDatabase, observed: ObservedDatabase, watch: PaymentFeed
) -> None:
    await record(database, event())

    async with AsyncExitStack() as stack:
        followers = [
            await stack.enter_async_context(watch.follow(SESSION_ID, BUYER)) for _ in range(100)
        ]
        opened = observed.finds
        async with ticking(watch):
            await record(database, REFUNDED)
            seen = await asyncio.gather(*map(next_status, followers))

    assert set(seen) == {PaymentStatus.PARTIALLY_REFUNDED}
    assert observed.finds - opened == opened / 100


async def test_while_nobody_waits_nothing_is_asked(
    database: AnyDatabase, observed: ObservedDatabase, watch: PaymentFeed
) -> None:
    await record(database, event())

    async with ticking(watch):
        await some_turns()
        before = list(observed.asked)
        async with watch.follow(SESSION_ID, BUYER):
            await until(lambda: len(observed.asked) >= 2)
        asked = len(observed.asked)
        await some_turns()

    assert before == []
    assert len(observed.asked) == asked
