"""Stored events, and what is found by them, on both databases."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import pytest

from app.databases import AnyDatabase
from app.domain.fold.asking import Surroundings
from app.domain.fold.outcome import Outcome
from app.domain.fold.records import EventState, Link, Mention, Settled, Wake
from app.usecases.event_book import EventBook
from app.usecases.records import EventQuery
from app.usecases.storage import Transaction
from tests.support.builders import SESSION_ID, event, to_body
from tests.support.committed import committed, events
from tests.support.recording import look
from tests.support.stores import (
    EVENT,
    PAYMENT,
    put,
)


@pytest.fixture(params=["sqlite", "postgres"])
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def test_of_events_that_are_kept_already_only_the_new_ones_are_told(
    database: AnyDatabase,
) -> None:
    await committed(database, lambda t: put(t, *events("evt_b", "evt_a")))

    async def add(transaction: Transaction) -> Collection[str]:
        return await put(transaction, *events("evt_a", "evt_b", "evt_c"))

    assert list(await database.write(add)) == ["evt_c"]


async def test_a_failed_event_is_replaced_by_one_that_does_not_fail(database: AnyDatabase) -> None:
    failed = events("evt_1", "evt_2", state=EventState.FAILED, reason="an old defect")
    folded = events("evt_1", state=EventState.FOLDED, payload=b"{ }")
    await committed(database, lambda t: put(t, *failed))

    async def known() -> Collection[str]:
        return (await look(database, known=["evt_1", "evt_2", "evt_3"])).known_events

    assert set(await known()) == set()
    await committed(database, lambda t: put(t, *folded, failed[1]))

    assert set(await known()) == {"evt_1"}
    assert await database.read(lambda t: t.find_event("evt_1")) == folded[0]


@pytest.mark.parametrize("livemode", [True, False, None])
async def test_an_event_is_read_as_it_was_written(
    database: AnyDatabase,
    livemode: bool | None,  # noqa: FBT001 one of its fields
) -> None:
    event = replace(EVENT, livemode=livemode, account="acct_1", payload=bytes(range(256)))
    await committed(database, lambda t: put(t, event))

    assert await database.read(lambda t: t.find_event(event.id)) == event
    assert await database.read(lambda t: t.find_event("evt_other")) is None


async def test_pages_of_ids_are_in_the_order_of_their_bytes(database: AnyDatabase) -> None:
    ids = ["evt_1", "evt_A", "evt_B", "evt__", "evt_a", "evt_b", "evt_\u00e9"]
    await committed(database, lambda t: put(t, *events(*reversed(ids))))

    async def pages(transaction: EventBook) -> list[str]:
        found: list[str] = []
        while page := await transaction.event_ids(
            EventState.RECORDED if len(found) % 2 else None, after=max(found, default=""), limit=3
        ):
            found.extend(page)
        return found

    assert await database.read(pages) == ids


async def test_pages_of_ids_are_of_one_state_alone(database: AnyDatabase) -> None:
    waiting = events("evt_2", state=EventState.WAITING)
    await committed(database, lambda t: put(t, *events("evt_1"), *waiting))

    found = await database.read(lambda t: t.event_ids(EventState.WAITING, after="", limit=9))

    assert found == ["evt_2"]


async def test_sessions_are_those_of_payments_and_those_of_events_of_their_own(
    database: AnyDatabase,
) -> None:
    mentions = [
        Mention(object_id, f"evt_{n}")
        for n, object_id in enumerate(["cs_b", "cs_B", "cs_b", "pi_1", "ch_1", "cus_1", SESSION_ID])
    ]
    await committed(database, lambda t: put(t, PAYMENT), lambda t: put(t, *mentions))

    assert await database.read(lambda t: t.session_ids(after="", limit=9)) == [
        "cs_B",
        "cs_b",
        SESSION_ID,
    ]
    assert await database.read(lambda t: t.session_ids(after="cs_B", limit=1)) == ["cs_b"]


async def test_events_are_found_by_what_they_mention(database: AnyDatabase) -> None:
    payload = to_body(event(id="evt_1"))
    mentions = [Mention("pi_1", "evt_1"), Mention("pi_1", "evt_1"), Mention("ch_1", "evt_2")]
    await committed(
        database,
        lambda t: put(t, *events("evt_1", payload=payload)),
        lambda t: put(t, *events("evt_2", "evt_3")),
        lambda t: put(t, *mentions),
    )

    found = await look(database, around=["re_1", "pi_1"], mentioning={"pi_1", "re_1"})
    stored = await look(database, events=["evt_2", "evt_1", "evt_9"])

    assert [(each.id, each.event and each.event.id) for each in found.events] == [
        ("evt_1", "evt_1")
    ]
    assert list(found.mentioned) == ["pi_1"]
    assert [each.id for each in stored.events] == ["evt_1", "evt_2"]


async def test_nothing_is_found_around_nothing(database: AnyDatabase) -> None:
    assert await look(database) == Surroundings()


async def test_no_more_events_are_found_than_asked_for(database: AnyDatabase) -> None:
    mentions = [Mention(object_id, f"evt_{n}") for n in range(1, 5) for object_id in ("a", "b")]
    await committed(
        database,
        lambda t: put(t, *events("evt_1", "evt_2", "evt_3", "evt_4")),
        lambda t: put(t, *mentions),
    )

    found = (await look(database, mentioning={"a", "b"}, limit=3)).events
    whole = (await look(database, mentioning={"a", "b"}, limit=4)).events
    after = (await look(database, wake=Wake("a", "evt_1"), limit=2)).events

    assert len({each.id for each in found}) == 3
    assert [each.id for each in whole] == ["evt_1", "evt_2", "evt_3", "evt_4"]
    assert [each.id for each in after] == ["evt_2", "evt_3"]


async def test_what_is_left_to_be_woken_is_kept_until_it_is_forgotten(
    database: AnyDatabase,
) -> None:
    first, second = Wake("ch_1", "evt_5"), Wake("pi_1")
    await committed(
        database,
        lambda t: put(t, Wake("pi_1", "evt_9"), first),
        lambda t: put(t, second),
    )

    found = (await look(database, wakes_max=9)).wakes
    page = (await look(database, wakes_max=1)).wakes
    await committed(database, lambda t: t.record((), Outcome(awake=["ch_1", "pi_2"])))

    assert found == [first, second]
    assert page == [first]
    assert (await look(database, wakes_max=9)).wakes == [second]


async def test_replayed_events_end_as_they_were_settled_and_only_waiting_ones_wake(
    database: AnyDatabase,
) -> None:
    states = [EventState.WAITING, EventState.RECORDED, EventState.UNREAD]
    rows = [replace(EVENT, id=f"evt_{n}", state=state) for n, state in enumerate(states)]
    failed = Settled(event_id="evt_2", state=EventState.FAILED, reason="no such thing")
    await committed(
        database,
        lambda t: put(t, *rows),
        lambda t: t.record((), Outcome(woken_ids=["evt_0", "evt_1"], settled=[failed])),
    )

    listed = await database.read(lambda t: t.list_events(EventQuery()))

    assert {each.id: (each.state, each.reason) for each in listed} == {
        "evt_0": (EventState.FOLDED, None),
        "evt_1": (EventState.RECORDED, None),
        "evt_2": (EventState.FAILED, "no such thing"),
    }


async def test_events_are_listed_latest_first_by_state_type_and_payment(
    database: AnyDatabase,
) -> None:
    rows = [
        replace(EVENT, id="evt_1", received_at_ms=1, type="a"),
        replace(EVENT, id="evt_2", received_at_ms=2, type="b"),
        replace(EVENT, id="evt_3", received_at_ms=3, type="a", state=EventState.WAITING),
        replace(EVENT, id="evt_4", received_at_ms=4, type="a", payload=None),
    ]
    await committed(
        database,
        lambda t: put(t, *rows),
        lambda t: put(t, PAYMENT),
        lambda t: put(t, Link("pi_1", SESSION_ID), Link("pi_1", SESSION_ID)),
        lambda t: put(t, Mention("pi_1", "evt_4"), Mention(SESSION_ID, "evt_2")),
    )

    async def ids(**wanted: Any) -> list[str]:  # noqa: ANN401 any field
        found = await database.read(lambda t: t.list_events(EventQuery(**wanted)))
        return [each.id for each in found]

    assert await ids() == ["evt_3", "evt_2", "evt_1"]  # without those whose payload's time is over
    assert await ids(limit=1) == ["evt_3"]
    assert await ids(state=EventState.RECORDED) == ["evt_2", "evt_1"]
    assert await ids(type="a") == ["evt_3", "evt_1"]
    assert await ids(payment=SESSION_ID) == ["evt_4", "evt_2"]
    assert await ids(payment=SESSION_ID, type="b") == ["evt_2"]


async def test_payloads_of_before_are_forgotten_a_few_at_once(database: AnyDatabase) -> None:
    rows = [replace(EVENT, id=f"evt_{n}", received_at_ms=n) for n in range(4)]
    await committed(database, lambda t: put(t, *rows))

    async def prune(transaction: Transaction) -> int:
        pruned = await transaction.prune_payloads(before_ms=3, now_ms=4, limit=2)
        await transaction.commit()
        return pruned

    assert [await database.write(prune) for _ in range(3)] == [2, 1, 0]
    kept = await database.read(lambda t: t.list_events(EventQuery()))
    assert [each.id for each in kept] == ["evt_3"]
