"""Events that cannot be folded, or only partly: stored with the reason, alerted once, alone."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from app.databases import AnyDatabase
from app.domain.errors import RowsRefusedError, StorageUnavailableError
from app.domain.fold.records import EventState
from app.domain.payments.status import PaymentStatus
from app.usecases.inbox import Inbox
from app.usecases.ports import AlertName
from app.usecases.record_events import ReceivedEvent, Recorded, RecordEvents
from tests.support.builders import (
    SESSION_ID,
    Document,
    FixedClock,
    SilentAlarm,
    event,
    session,
    thin_event,
)
from tests.support.recording import (
    POISONED,
    batch,
    payment_of,
    payments,
    poison,
    record,
    rows,
    states,
)
from tests.support.rows import refuse
from tests.support.stripe_objects import charge, dispute, refund


async def reason_of(database: AnyDatabase, event_id: str) -> str:
    row = (await rows(database))[event_id]
    assert row.state is EventState.FAILED
    assert row.reason is not None
    return row.reason


@pytest.mark.parametrize(
    ("type_", "subject", "reason"),
    [
        ("charge.succeeded", charge(id=None), "CannotFoldError: data.object.id is missing"),
        ("refund.created", refund(amount="5"), "CannotFoldError: data.object.amount is not"),
        (
            "refund.created",
            refund(status="new"),
            "data.object.status is missing or unknown",
        ),
        (
            "charge.dispute.created",
            dispute(status=1),
            "data.object.status is missing or unknown",
        ),
        ("charge.succeeded", {}, "CannotFoldError: the event is thin"),
        (
            "checkout.session.completed",
            session(id="pi_1"),
            "CannotFoldError: data.object.id is not a Checkout Session's id",
        ),
    ],
)
async def test_an_unknown_event_is_stored_as_failed_with_the_reason_and_alerts_once(
    database: AnyDatabase, alarm: SilentAlarm, type_: str, subject: Document, reason: str
) -> None:
    document = event(type_, subject, id="evt_odd")

    first = await record(database, document, alarm=alarm)
    second = await record(database, document, alarm=alarm)

    assert (first, second) == ([Recorded.FAILED], [Recorded.DUPLICATE])
    assert (await reason_of(database, "evt_odd")).startswith(reason)
    assert [name for name, words in alarm.told if "evt_odd" in words] == [
        AlertName.EVENT_FOLD_FAILED
    ]
    assert len(alarm.told) == 1
    assert "altan-checkout events show evt_odd" in alarm.told[0][1]


async def test_a_thin_event_about_a_payment_is_kept_as_failed(database: AnyDatabase) -> None:
    await record(database, thin_event(type="v1.charge.succeeded"))

    assert "thin" in await reason_of(database, "evt_test_thin")


async def test_of_an_event_that_is_understood_in_part_that_part_is_folded(
    database: AnyDatabase,
) -> None:
    await record(database, event(id="evt_1"))

    await record(database, event("refund.created", refund(status="new"), id="evt_2"))

    payment = await payment_of(database)
    assert payment.facts.status is PaymentStatus.PARTIALLY_REFUNDED
    assert payment.facts.amount_refunded_minor == 500
    assert (await states(database))["evt_2"] is EventState.FAILED


async def test_a_part_that_came_before_its_session_is_folded_when_it_comes_and_stays_failed(
    database: AnyDatabase, alarm: SilentAlarm
) -> None:
    await record(database, event("refund.created", refund(status="new"), id="evt_2"), alarm=alarm)

    await record(database, event(id="evt_1"), alarm=alarm)

    assert (await payment_of(database)).facts.amount_refunded_minor == 500
    assert (await states(database))["evt_2"] is EventState.FAILED
    assert alarm.names == [AlertName.EVENT_FOLD_FAILED]


async def test_an_event_whose_facts_the_database_refuses_is_kept_without_them(
    database: AnyDatabase, database_path: Path, alarm: SilentAlarm
) -> None:
    refuse(database_path, "INSERT ON payments", where=POISONED)
    await record(database, event(id="evt_1"))
    before = await payment_of(database)

    outcomes = await record(database, event("charge.updated", poison(), id="evt_2"), alarm=alarm)

    assert outcomes == [Recorded.FAILED]
    assert "refused" in await reason_of(database, "evt_2")
    assert await payment_of(database) == before
    assert alarm.names == [AlertName.EVENT_FOLD_FAILED]


async def test_an_event_whose_facts_the_database_refuses_costs_its_neighbours_nothing(
    database: AnyDatabase, database_path: Path, clock: FixedClock, alarm: SilentAlarm
) -> None:
    refuse(database_path, "INSERT ON payments", where=POISONED)
    await record(database, event(id="evt_1"))
    recording = RecordEvents(database=database, clock=clock, alarm=alarm, on_change=lambda _: None)
    inbox: Inbox[ReceivedEvent, Recorded] = Inbox(recording)
    received = batch(
        event("refund.created", refund(id="re_small", amount=5), id="evt_2"),
        event("charge.updated", poison(), id="evt_3"),
        event(id="evt_4", subject=session(id="cs_test_other", payment_intent="pi_other")),
    )

    with pytest.raises(RowsRefusedError):
        await recording(received)
    outcomes = await asyncio.gather(*(inbox.put(each) for each in received))

    assert outcomes == [Recorded.RECORDED, Recorded.FAILED, Recorded.RECORDED]
    kept = await payments(database)
    assert kept[SESSION_ID].facts.amount_refunded_minor == 5
    assert kept["cs_test_other"].facts.status is PaymentStatus.PAID


async def test_an_event_that_the_database_refuses_is_not_acknowledged(
    database: AnyDatabase,
) -> None:
    (received,) = batch(event("customer.created", {"id": "cus_1"}))
    too_large = replace(received, payload=b"x" * 1_048_577)
    recording = RecordEvents(
        database=database,
        clock=FixedClock(),
        alarm=SilentAlarm(),
        on_change=lambda _: None,
    )

    with pytest.raises(RowsRefusedError):
        await recording([too_large])

    assert await rows(database) == {}


async def test_a_database_that_is_down_is_asked_once(clock: FixedClock) -> None:
    class Down:
        asked = 0

        async def write(self, _: object) -> None:
            self.asked += 1
            raise StorageUnavailableError("words")

    down = Down()
    recording = RecordEvents(
        database=down,  # type: ignore[arg-type]  # all that recording asks of it
        clock=clock,
        alarm=SilentAlarm(),
        on_change=lambda _: None,
    )

    with pytest.raises(StorageUnavailableError):
        await recording(batch(event()))

    assert down.asked == 1


async def test_of_two_events_with_one_id_the_one_that_is_kept_is_the_one_that_is_folded(
    database: AnyDatabase,
) -> None:
    await record(database, event(), event(subject=session(amount_total=7)))

    assert (await payment_of(database)).facts.amount_total_minor == 1999
    assert b"1999" in ((await rows(database))["evt_1"].payload or b"")


# --- contradictions


async def test_a_contradicted_payment_alerts_only_once(
    database: AnyDatabase, alarm: SilentAlarm
) -> None:
    expired = event("checkout.session.expired", id="evt_expired")
    await record(database, event(id="evt_paid"), alarm=alarm)

    await record(database, expired, expired, alarm=alarm)
    await record(database, expired, alarm=alarm)
    await record(
        database,
        event("checkout.session.async_payment_failed", id="evt_failed"),
        event("charge.updated", charge(amount_refunded=1), id="evt_refunded"),
        alarm=alarm,
    )

    assert [(name, words.partition(":")[0]) for name, words in alarm.told] == [
        (AlertName.PAYMENT_CONTRADICTED, SESSION_ID)
    ]
    assert "compare it with Stripe's dashboard before you ship" in alarm.told[0][1]
    payment = await payment_of(database)
    assert payment.facts.contradicted
    assert payment.facts.status is PaymentStatus.PARTIALLY_REFUNDED


async def test_a_contradiction_within_one_batch_alerts_once(
    database: AnyDatabase, alarm: SilentAlarm
) -> None:
    await record(
        database,
        event("checkout.session.expired", id="evt_1"),
        event(id="evt_2"),
        event("checkout.session.async_payment_failed", id="evt_3"),
        alarm=alarm,
    )

    assert alarm.names == [AlertName.PAYMENT_CONTRADICTED]


# --- who waits


async def test_followers_learn_only_of_changes(
    database: AnyDatabase,
) -> None:
    told: list[set[str]] = []

    async def hear(*documents: Document) -> None:
        await record(
            database,
            *documents,
            on_change=lambda changed: told.append({payment.session_id for payment in changed}),
        )

    other = event(id="evt_2", subject=session(id="cs_test_other", payment_intent="pi_other"))
    await hear(event(id="evt_1"), other)
    await hear(event(id="evt_1"))
    await hear(event(id="evt_3"))
    await hear(event("charge.dispute.created", dispute(), id="evt_4"))
    await hear(event("product.created", {"id": "prod_1"}, id="evt_5"))

    assert told == [{SESSION_ID, "cs_test_other"}, {SESSION_ID}]
