"""Replaying stored events repairs what failed, and changes nothing that is correct."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings

from app.databases import AnyDatabase
from app.domain.errors import StorageUnavailableError
from app.domain.fold.records import EventState, Payment
from app.domain.payments.status import PaymentStatus
from app.usecases.replay_events import PAGE, ReplayEvents
from tests.support.builders import SESSION_ID, Document, FixedClock, SilentAlarm, event, session
from tests.support.recording import (
    POISONED,
    keep,
    kept_event,
    look,
    payment_of,
    payments,
    poison,
    record,
    rows,
    states,
)
from tests.support.rows import refuse
from tests.support.strategies import histories
from tests.support.stripe_objects import charge, dispute, refund


@dataclass(slots=True)
class Heard:
    """Whoever waits for evidence."""

    session_ids: list[str] = field(default_factory=list)

    def __call__(self, changed: Collection[Payment]) -> None:
        self.session_ids += [payment.session_id for payment in changed]


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def replay(database: AnyDatabase, clock: FixedClock, heard: Heard) -> ReplayEvents:
    clock.ms += 60_000  # what is written now can be told from what was recorded
    return ReplayEvents(database=database, clock=clock, alarm=SilentAlarm(), on_change=heard)


async def test_replaying_what_is_folded_changes_nothing(
    database: AnyDatabase, replay: ReplayEvents, heard: Heard
) -> None:
    await record(
        database,
        event(id="evt_1"),
        event("charge.succeeded", charge(), id="evt_2"),
        event("refund.created", refund(status="new"), id="evt_3"),
        event("charge.dispute.created", dispute(charge="ch_far", payment_intent=None), id="evt_4"),
        event("product.created", {"id": "prod_1"}, id="evt_5"),
    )
    before = await payments(database), await rows(database)

    ended = await replay.of_state(None)

    assert (await payments(database), await rows(database)) == before
    assert ended == {
        EventState.FOLDED: 2,
        EventState.FAILED: 1,
        EventState.WAITING: 1,
        EventState.RECORDED: 1,
    }
    assert heard.session_ids == []


@pytest.mark.thorough
@given(history=histories())
@hypothesis_settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_replaying_any_history_changes_no_version(
    database: AnyDatabase, history: list[Document]
) -> None:
    """Histories pile up in one database: they share ids, so that payments have long pasts."""
    for document in history:
        await record(database, document)
    before = await payments(database), await rows(database)
    replay = ReplayEvents(
        database=database, clock=FixedClock(1), alarm=SilentAlarm(), on_change=Heard()
    )

    await replay.of_state(None)

    assert (await payments(database), await rows(database)) == before


async def test_an_event_that_failed_is_folded_by_a_program_that_understands_it(
    database: AnyDatabase, replay: ReplayEvents, heard: Heard
) -> None:
    await keep(database, kept_event(event(), EventState.FAILED))

    ended = await replay.of_state(EventState.FAILED)

    assert ended == {EventState.FOLDED: 1}
    row = (await rows(database))["evt_1"]
    assert (row.state, row.reason) == (EventState.FOLDED, None)
    assert (await payment_of(database)).facts.status is PaymentStatus.PAID
    assert heard.session_ids == [SESSION_ID]


async def test_events_that_an_earlier_version_did_not_read_are_read_now_in_any_order(
    database: AnyDatabase, replay: ReplayEvents
) -> None:
    await keep(
        database,
        kept_event(
            event("charge.dispute.created", dispute(payment_intent=None), id="evt_1"),
            EventState.UNREAD,
        ),
        kept_event(event("charge.succeeded", charge(), id="evt_2"), EventState.UNREAD),
        kept_event(event(id="evt_3"), EventState.UNREAD),
    )

    ended = await replay.of_state(EventState.UNREAD)

    assert sum(ended.values()) == 3
    assert set((await states(database)).values()) == {EventState.FOLDED}
    assert (await payment_of(database)).facts.status is PaymentStatus.DISPUTED


async def test_a_replayed_event_is_found_by_what_links_it_later(
    database: AnyDatabase, replay: ReplayEvents
) -> None:
    unread = event("charge.dispute.created", dispute(payment_intent=None), id="evt_1")
    await keep(database, kept_event(unread, EventState.UNREAD))
    await replay.of_state(EventState.UNREAD)

    await record(database, event(id="evt_2"), event("charge.updated", charge(), id="evt_3"))

    assert (await payment_of(database)).facts.status is PaymentStatus.DISPUTED
    assert set((await states(database)).values()) == {EventState.FOLDED}


async def test_more_than_a_page_is_replayed(database: AnyDatabase, replay: ReplayEvents) -> None:
    await keep(
        database,
        *(
            kept_event(
                event(
                    id=f"evt_{n:04}",
                    subject=session(id=f"cs_test_{n}", payment_intent=f"pi_{n}"),
                ),
                EventState.UNREAD,
            )
            for n in range(2 * PAGE + 1)
        ),
    )

    ended = await replay.of_state(EventState.UNREAD)

    assert ended == {EventState.FOLDED: 2 * PAGE + 1}
    assert len(await payments(database)) == 2 * PAGE + 1


async def test_named_events_alone_are_replayed_and_unknown_ones_are_passed_by(
    database: AnyDatabase, replay: ReplayEvents
) -> None:
    await keep(
        database,
        kept_event(event(id="evt_1"), EventState.FAILED),
        kept_event(event(id="evt_2"), EventState.FAILED),
    )

    ended = await replay(["evt_2", "evt_nowhere"])

    assert ended == {EventState.FOLDED: 1}
    assert await states(database) == {"evt_1": EventState.FAILED, "evt_2": EventState.FOLDED}


async def test_an_event_whose_payload_is_gone_is_passed_by(
    database: AnyDatabase, replay: ReplayEvents
) -> None:
    await keep(database, kept_event(event(), EventState.UNREAD, payload=None))

    assert await replay.of_state(None) == {}
    assert await states(database) == {"evt_1": EventState.UNREAD}


async def test_an_event_whose_facts_the_database_refuses_costs_its_page_nothing(
    database: AnyDatabase, database_path: Path, replay: ReplayEvents
) -> None:
    refuse(database_path, "INSERT ON payments", where=POISONED)
    await record(database, event(id="evt_1"))
    await keep(
        database,
        kept_event(
            event("refund.created", refund(id="re_s", amount=5), id="evt_2"), EventState.UNREAD
        ),
        kept_event(event("charge.updated", poison(), id="evt_3"), EventState.UNREAD),
        kept_event(event("charge.dispute.created", dispute(), id="evt_4"), EventState.UNREAD),
    )

    ended = await replay.of_state(EventState.UNREAD)

    assert ended == {EventState.FOLDED: 2, EventState.FAILED: 1}
    assert (await states(database))["evt_3"] is EventState.FAILED
    assert "refused" in ((await rows(database))["evt_3"].reason or "")
    payment = await payment_of(database)
    assert payment.facts.amount_refunded_minor == 5
    assert payment.facts.status is PaymentStatus.DISPUTED


async def test_a_folded_event_that_no_longer_can_be_says_so_and_its_payment_stays(
    database: AnyDatabase, replay: ReplayEvents
) -> None:
    await record(database, event())
    kept = await payment_of(database)
    spoiled = event("charge.dispute.created", dispute(amount=None), id="evt_2")
    await keep(database, kept_event(spoiled, EventState.FOLDED))

    ended = await replay.of_state(None)

    assert ended == {EventState.FOLDED: 1, EventState.FAILED: 1}
    assert await payment_of(database) == kept


async def test_a_payment_that_changed_by_a_replay_has_a_new_time_and_version(
    database: AnyDatabase, replay: ReplayEvents, clock: FixedClock
) -> None:
    await record(database, event(id="evt_1"))
    before = await payment_of(database)
    late = event("checkout.session.expired", id="evt_2")
    await keep(database, kept_event(late, EventState.UNREAD))

    await replay.of_state(EventState.UNREAD)

    after = await payment_of(database)
    assert after == replace(
        before,
        version=before.version + 1,
        updated_at_ms=clock.ms,
        facts=replace(before.facts, expired=True),
    )


async def test_a_database_that_is_down_ends_the_replay(clock: FixedClock, heard: Heard) -> None:
    class Down:
        async def write(self, _: object) -> None:
            raise StorageUnavailableError("words")

    replay = ReplayEvents(
        database=Down(),  # type: ignore[arg-type]  # all that replaying asks of it
        clock=clock,
        alarm=SilentAlarm(),
        on_change=heard,
    )

    with pytest.raises(StorageUnavailableError):
        await replay(["evt_1", "evt_2"])


async def test_mentions_are_not_lost_by_a_replay(
    database: AnyDatabase, replay: ReplayEvents
) -> None:
    await record(database, event("charge.succeeded", charge(), id="evt_1"))
    await replay.of_state(None)

    for object_id in ("ch_1", "pi_1"):
        found = await look(database, mentioning=[object_id])
        assert [stored.id for stored in found.events] == ["evt_1"]
