"""An operator sees every event once, including one that is committed late."""

from dataclasses import replace

import pytest

from app.databases import AnyDatabase
from app.domain.fold.records import EventState
from app.usecases.follow_events import LATE_MS, PAGE, FollowedEvent, FollowEvents
from app.usecases.inbox import WAIT_S
from app.usecases.records import EventRow
from tests.support.builders import CHECKOUT_ID, SESSION_ID, event, session
from tests.support.recording import NOW_MS, checkout, keep, kept_event, record
from tests.support.stripe_objects import charge

OTHER = session(id="cs_test_other", payment_intent="pi_other", success_url=None)


def row(number: int, *, at_ms: int = NOW_MS) -> EventRow:
    document = event("product.created", {"id": "prod_1"}, id=f"evt_{number:04}")
    return kept_event(document, EventState.RECORDED, received_at_ms=at_ms)


def ids(followed: list[FollowedEvent]) -> list[str]:
    return [each.event.id for each in followed]


@pytest.mark.parametrize(("last", "shown"), [(0, []), (2, ["evt_0002", "evt_0003"])])
async def test_it_starts_with_the_last_few_and_continues_with_new_ones(
    database: AnyDatabase, last: int, shown: list[str]
) -> None:
    await keep(database, *(row(n, at_ms=NOW_MS + n) for n in range(1, 4)))
    following = FollowEvents(database=database)

    assert ids(await following.begin(last)) == shown
    assert await following.news() == []

    await keep(database, row(5, at_ms=NOW_MS + 5), row(4, at_ms=NOW_MS + 4))
    assert ids(await following.news()) == ["evt_0004", "evt_0005"]
    assert await following.news() == []


async def test_the_very_first_event_is_news(database: AnyDatabase) -> None:
    following = FollowEvents(database=database)
    assert await following.begin(10) == []

    await keep(database, row(1))

    assert ids(await following.news()) == ["evt_0001"]


async def test_of_many_at_once_each_is_told_once_and_a_bounded_number_at_a_time(
    database: AnyDatabase,
) -> None:
    old = [row(n) for n in range(PAGE + 5)]
    await keep(database, *old)
    following = FollowEvents(database=database)
    await following.begin(1)

    new = [row(1000 + n) for n in range(PAGE + 7)]
    await keep(database, *new)

    rounds = [ids(await following.news()) for _ in range(4)]
    assert [id_ for each in rounds for id_ in each] == [each.id for each in new]
    assert all(len(each) <= PAGE for each in rounds)
    assert rounds[-1] == []


async def test_an_event_that_is_committed_late_is_still_shown(database: AnyDatabase) -> None:
    await keep(database, row(2))
    following = FollowEvents(database=database)
    await following.begin(1)

    await keep(database, row(1, at_ms=NOW_MS - LATE_MS + 1))
    await keep(database, row(0, at_ms=NOW_MS - LATE_MS - 1))  # only the lists have this one

    assert ids(await following.news()) == ["evt_0001"]


def test_late_is_later_than_an_event_may_wait_for_the_disk() -> None:
    assert LATE_MS > WAIT_S * 1000


async def test_what_was_told_long_ago_is_not_kept_in_mind(database: AnyDatabase) -> None:
    following = FollowEvents(database=database)
    await following.begin(0)
    for n in range(5):
        await keep(database, row(n, at_ms=NOW_MS + n * LATE_MS))
        await following.news()

    assert set(following._followed_ids) == {"evt_0003", "evt_0004"}  # noqa: SLF001 no other sign of it


async def test_an_event_comes_with_the_payments_that_it_concerns(database: AnyDatabase) -> None:
    await keep(database, checkout())
    following = FollowEvents(database=database)
    await following.begin(0)

    await record(
        database,
        event(id="evt_1"),
        event("charge.succeeded", charge(), id="evt_2"),
        event(id="evt_3", subject=OTHER),
        event("charge.succeeded", charge(id="ch_9", payment_intent="pi_9"), id="evt_4"),
        event("product.created", {"id": "prod_1"}, id="evt_5"),
    )

    followed = await following.news()
    concerned = {
        each.event.id: [
            (payment.session_id, payment.facts.checkout_id) for payment in each.payments
        ]
        for each in followed
    }
    assert concerned == {
        "evt_1": [(SESSION_ID, CHECKOUT_ID)],
        "evt_2": [(SESSION_ID, CHECKOUT_ID)],
        "evt_3": [("cs_test_other", None)],
        "evt_4": [],
        "evt_5": [],
    }
    assert followed[3].event == replace(followed[3].event, state=EventState.WAITING)
