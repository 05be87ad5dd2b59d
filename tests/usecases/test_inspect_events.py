"""What an operator sees of the events."""

import pytest

from app.databases import AnyDatabase
from app.domain.errors import NotFoundError
from app.domain.fold.records import EventState
from app.domain.payments.status import PaymentStatus
from app.usecases.inspect_events import InspectEvents
from app.usecases.records import EventQuery, EventSource, EventSummary
from tests.support.builders import (
    CHECKOUT_ID,
    NOW_S,
    SESSION_ID,
    FixedClock,
    event,
    session,
    to_body,
)
from tests.support.recording import checkout, keep, prune, record
from tests.support.stripe_objects import charge, dispute

OTHER = session(id="cs_test_other", payment_intent="pi_other", success_url=None)


@pytest.fixture
async def inspect(database: AnyDatabase) -> InspectEvents:
    """A paid and disputed payment, another one, an event that waits and one that failed."""
    clock = FixedClock()
    for document in (
        event(id="evt_1"),
        event("charge.succeeded", charge(), id="evt_2"),
        event("charge.dispute.created", dispute(payment_intent=None), id="evt_3"),
        event(id="evt_4", subject=OTHER),
        event("charge.succeeded", charge(id="ch_9", payment_intent="pi_9"), id="evt_5"),
        event("charge.succeeded", charge(id=None), id="evt_6"),
        event("product.created", {"id": "prod_1"}, id="evt_7"),
    ):
        await record(database, document, clock=clock)
        clock.ms += 1
    return InspectEvents(database=database)


async def listed(inspect: InspectEvents, wanted: EventQuery) -> list[str]:
    return [summary.id for summary in await inspect.list(wanted)]


async def test_the_latest_events_come_first(inspect: InspectEvents) -> None:
    assert await listed(inspect, EventQuery()) == [f"evt_{n}" for n in range(7, 0, -1)]
    assert await listed(inspect, EventQuery(limit=2)) == ["evt_7", "evt_6"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (EventQuery(state=EventState.FAILED), ["evt_6"]),
        (EventQuery(state=EventState.WAITING), ["evt_5"]),
        (EventQuery(state=EventState.RECORDED), ["evt_7"]),
        (EventQuery(state=EventState.UNREAD), []),
        (EventQuery(type="charge.succeeded"), ["evt_6", "evt_5", "evt_2"]),
        (EventQuery(type="charge.succeeded", state=EventState.FOLDED), ["evt_2"]),
        (EventQuery(payment=SESSION_ID), ["evt_3", "evt_2", "evt_1"]),
        (EventQuery(payment=SESSION_ID, limit=1), ["evt_3"]),
        (EventQuery(payment=SESSION_ID, type="charge.succeeded"), ["evt_2"]),
        (EventQuery(payment="cs_test_other"), ["evt_4"]),
        (EventQuery(payment="cs_nowhere"), []),
    ],
)
async def test_events_are_found_by_state_type_and_payment(
    inspect: InspectEvents, wanted: EventQuery, found: list[str]
) -> None:
    assert await listed(inspect, wanted) == found


async def test_a_summary_holds_all_but_the_payload(inspect: InspectEvents) -> None:
    (summary,) = await inspect.list(EventQuery(state=EventState.FAILED))

    assert summary.reason is not None
    assert summary == EventSummary(
        id="evt_6",
        type="charge.succeeded",
        created_s=NOW_S,
        received_at_ms=NOW_S * 1000 + 5,
        state=EventState.FAILED,
        reason=summary.reason,
        has_payload=True,
        source=EventSource.WEBHOOK,
    )


@pytest.mark.parametrize("session_id", [SESSION_ID, None])
async def test_a_payments_events_are_found_by_its_checkout_id(
    database: AnyDatabase, inspect: InspectEvents, session_id: str | None
) -> None:
    await keep(database, checkout(session_id))

    assert await listed(inspect, EventQuery(payment=CHECKOUT_ID)) == ["evt_3", "evt_2", "evt_1"]


async def test_a_checkout_without_events_has_none(database: AnyDatabase) -> None:
    await keep(database, checkout(None))

    assert await InspectEvents(database=database).list(EventQuery(payment=CHECKOUT_ID)) == []


async def test_a_checkout_that_is_unknown_is_not_found(database: AnyDatabase) -> None:
    with pytest.raises(NotFoundError):
        await InspectEvents(database=database).list(EventQuery(payment=CHECKOUT_ID))


async def test_events_without_payload_are_listed_by_their_payment_alone(
    database: AnyDatabase, inspect: InspectEvents
) -> None:
    await prune(database, 1)  # only what was received at once: evt_1

    assert "evt_1" not in await listed(inspect, EventQuery())
    *_, summary = await inspect.list(EventQuery(payment=SESSION_ID))
    assert (summary.id, summary.has_payload) == ("evt_1", False)


async def test_an_event_is_shown_with_its_ids_and_payments(inspect: InspectEvents) -> None:
    seen = await inspect.show("evt_3")

    assert seen.row.payload == to_body(
        event("charge.dispute.created", dispute(payment_intent=None), id="evt_3")
    )
    assert seen.object_ids == ("ch_1",)
    (payment,) = seen.payments
    assert payment.session_id == SESSION_ID
    assert payment.facts.status is PaymentStatus.DISPUTED


async def test_a_sessions_event_is_shown_with_its_payment(inspect: InspectEvents) -> None:
    seen = await inspect.show("evt_4")

    assert seen.object_ids == ("cs_test_other",)
    assert [payment.session_id for payment in seen.payments] == ["cs_test_other"]


@pytest.mark.parametrize("event_id", ["evt_5", "evt_6", "evt_7"])
async def test_an_event_that_concerns_no_payment_is_shown_without(
    inspect: InspectEvents, event_id: str
) -> None:
    seen = await inspect.show(event_id)

    assert seen.row.id == event_id
    assert seen.payments == ()


async def test_an_event_that_is_not_kept_is_not_found(inspect: InspectEvents) -> None:
    with pytest.raises(NotFoundError, match="evt_nowhere"):
        await inspect.show("evt_nowhere")
