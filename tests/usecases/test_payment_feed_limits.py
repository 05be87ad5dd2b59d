"""The feed with failing reads, too many followers, and at its end."""

import asyncio
from dataclasses import replace

import pytest

from app.databases import AnyDatabase
from app.domain.errors import NotFoundError
from app.domain.fold.records import Payment
from app.domain.payments.disputes import Dispute
from app.domain.payments.facts import PaymentFacts
from app.domain.payments.status import PaymentStatus
from app.usecases.live_places import Full, LivePlaces
from app.usecases.payment_feed import PaymentFeed
from tests.support.builders import DEADLINE_S, SESSION_ID, event, session, until
from tests.support.observed import ObservedDatabase
from tests.support.recording import keep, record
from tests.support.watching import (
    BUYER,
    REFUNDED,
    make_watch,
    next_status,
    some_turns,
    ticking,
)

UNKNOWN_ID = "cs_test_nowhere"


@pytest.fixture
async def observed(database: AnyDatabase) -> ObservedDatabase:
    return ObservedDatabase(database)


@pytest.fixture
async def watch(observed: ObservedDatabase) -> PaymentFeed:
    return make_watch(observed)


# --- what goes wrong


async def test_a_read_that_fails_is_made_again_at_the_next_tick(
    database: AnyDatabase, observed: ObservedDatabase, watch: PaymentFeed
) -> None:
    await record(database, event())

    async with ticking(watch), watch.follow(SESSION_ID, BUYER) as follower:
        await until(lambda: len(observed.asked) >= 2)
        observed.finds_down = 3
        await record(database, REFUNDED)

        assert await next_status(follower) is PaymentStatus.PARTIALLY_REFUNDED
        assert observed.finds_down == 0


async def test_a_change_that_could_not_be_read_at_once_is_reported_by_the_next_tick(
    database: AnyDatabase, observed: ObservedDatabase, watch: PaymentFeed
) -> None:
    await record(database, event())

    async with watch.follow(SESSION_ID, BUYER) as follower:
        observed.finds_down = 1
        await record(database, REFUNDED, on_change=watch.changed)
        await until(lambda: observed.finds_down == 0)

        async with ticking(watch):
            assert await next_status(follower) is PaymentStatus.PARTIALLY_REFUNDED


async def test_a_query_that_fails_is_followed_by_another(
    database: AnyDatabase, observed: ObservedDatabase, watch: PaymentFeed
) -> None:
    observed.versions_down = 5
    await record(database, event())

    async with ticking(watch), watch.follow(SESSION_ID, BUYER) as follower:
        await record(database, REFUNDED)

        assert await next_status(follower) is PaymentStatus.PARTIALLY_REFUNDED


async def test_who_asks_for_what_nobody_knows_costs_the_others_nothing(
    database: AnyDatabase, observed: ObservedDatabase, watch: PaymentFeed
) -> None:
    await record(database, event())

    async def follow_nothing() -> None:
        async with watch.follow(UNKNOWN_ID, BUYER):
            pass

    async with watch.follow(SESSION_ID, BUYER) as follower:
        observed.answers.clear()
        stranger = asyncio.create_task(follow_nothing())
        async with ticking(watch):
            await until(lambda: observed.held == 1 and len(observed.asked) >= 2)
            observed.answers.set()
            with pytest.raises(NotFoundError):
                await stranger
            await record(database, REFUNDED)

            assert await next_status(follower) is PaymentStatus.PARTIALLY_REFUNDED


async def test_a_row_that_cannot_be_read_costs_the_others_nothing(
    database: AnyDatabase, watch: PaymentFeed
) -> None:
    other = event(id="evt_2", subject=session(id="cs_test_other", payment_intent=None))
    await record(database, event(), other)
    state: str = "spoiled"
    spoiled = Dispute(state=state, amount_minor=1)  # type: ignore[arg-type]

    async with (
        ticking(watch),
        watch.follow("cs_test_other", BUYER),
        watch.follow(SESSION_ID, BUYER) as follower,
    ):
        facts = PaymentFacts(disputes={"dp_1": spoiled})
        row = Payment(session_id="cs_test_other", facts=facts, updated_at_ms=1, version=2)
        await keep(database, row)
        await record(database, REFUNDED)

        assert await next_status(follower) is PaymentStatus.PARTIALLY_REFUNDED
        watch.changed([replace(row, facts=PaymentFacts())])
        await some_turns()


# --- places


async def test_a_place_is_free_again_when_its_follower_leaves(
    database: AnyDatabase, observed: ObservedDatabase
) -> None:
    await record(database, event())
    watch = make_watch(observed, LivePlaces(in_all=1))

    async with watch.follow(SESSION_ID, BUYER) as follower:
        assert (watch.followers, follower.has_place) == (1, True)
    async with watch.follow(SESSION_ID, BUYER) as follower:
        assert follower.has_place

    assert watch.followers == 0


async def test_without_a_place_the_present_state_is_shown_and_nothing_is_waited_for(
    database: AnyDatabase, observed: ObservedDatabase
) -> None:
    await record(database, event())
    full: list[Full] = []
    watch = make_watch(observed, LivePlaces(of_client=1, on_full=full.append))

    async with (
        watch.follow(SESSION_ID, BUYER) as first,
        watch.follow(SESSION_ID, BUYER) as second,
        watch.follow(SESSION_ID, "192.0.2.1") as other,
    ):
        assert [each.has_place for each in (first, second, other)] == [True, False, True]
        assert second.shown.status is PaymentStatus.PAID
        assert await second.next(3600) is None
        assert (watch.followers, full) == (2, [Full.CLIENT])


async def test_the_oldest_of_a_payment_loses_its_place_and_is_answered_at_once(
    database: AnyDatabase, observed: ObservedDatabase
) -> None:
    await record(database, event())
    watch = make_watch(observed, LivePlaces(of_payment=1))

    async with watch.follow(SESSION_ID, BUYER) as oldest:
        waiting = asyncio.create_task(oldest.next(3600))
        await some_turns()
        async with watch.follow(SESSION_ID, BUYER) as newest:
            assert await waiting is None
            assert (oldest.has_place, newest.has_place) == (False, True)
            assert watch.followers == 1
    assert watch.followers == 0


async def test_an_unknown_payment_is_404_even_without_a_place(
    database: AnyDatabase, observed: ObservedDatabase
) -> None:
    await record(database, event())
    watch = make_watch(observed, LivePlaces(in_all=1))

    async with watch.follow(SESSION_ID, BUYER):
        with pytest.raises(NotFoundError):
            async with watch.follow(UNKNOWN_ID, BUYER):
                pass
        assert watch.followers == 1


async def test_who_finds_nothing_holds_no_place(watch: PaymentFeed) -> None:
    with pytest.raises(NotFoundError):
        async with watch.follow(UNKNOWN_ID, BUYER):
            pass

    assert watch.followers == 0


async def test_who_leaves_before_the_first_read_ends_holds_no_place(
    database: AnyDatabase, observed: ObservedDatabase, watch: PaymentFeed
) -> None:
    await record(database, event())
    observed.answers.clear()

    async def follow() -> None:
        async with watch.follow(SESSION_ID, BUYER):
            pass

    following = asyncio.create_task(follow())
    await until(lambda: observed.held == 1)
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)

    assert watch.followers == 0


# --- the end


async def test_closing_lets_everybody_go(database: AnyDatabase, watch: PaymentFeed) -> None:
    await record(database, event())

    async with watch.follow(SESSION_ID, BUYER) as one, watch.follow(SESSION_ID, BUYER) as another:
        waiting = [asyncio.create_task(each.next(3600)) for each in (one, another)]
        await some_turns()
        watch.close()

        assert await asyncio.gather(*waiting) == [None, None]
        assert await one.next(3600) is None


async def test_who_comes_after_the_end_sees_what_is_and_waits_for_nothing(
    database: AnyDatabase, watch: PaymentFeed
) -> None:
    await record(database, event())
    watch.close()

    async with watch.follow(SESSION_ID, BUYER) as follower:
        assert follower.shown.status is PaymentStatus.PAID
        assert await follower.next(3600) is None


async def test_changes_before_the_end_are_sent_before_it(
    database: AnyDatabase, watch: PaymentFeed
) -> None:
    await record(database, event())

    async with (
        watch.follow(SESSION_ID, BUYER) as follower,
        watch.follow(SESSION_ID, BUYER) as other,
    ):
        await record(database, REFUNDED, on_change=watch.changed)
        await other.next(DEADLINE_S)
        watch.close()

        assert await next_status(follower) is PaymentStatus.PARTIALLY_REFUNDED
        assert await follower.next(3600) is None


async def test_a_ring_without_news_is_no_evidence(
    database: AnyDatabase, watch: PaymentFeed
) -> None:
    await record(database, event())

    async with watch.follow(SESSION_ID, BUYER) as follower:
        waiting = asyncio.create_task(follower.next(3600))
        await some_turns()
        follower.ring()
        await some_turns()
        assert not waiting.done()
        watch.close()

        assert await waiting is None
