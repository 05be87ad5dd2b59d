"""What recorded events make of payments."""

from pathlib import Path

import pytest

from app.databases import AnyDatabase
from app.domain.checkout.cart import Cart, LineItem, Mode
from app.domain.fold.records import Payment
from app.domain.money import ExpectedSubtotal
from app.domain.payments.facts import PaymentFacts
from app.domain.payments.session_details import SessionDetails
from app.domain.payments.status import PaymentStatus
from app.domain.stripe_events.event import read_event
from app.usecases.ports import AlertName
from app.usecases.record_events import ReceivedEvent, RecordEvents
from app.usecases.records import Checkout
from app.usecases.storage import Transaction
from tests.support.builders import (
    CHECKOUT_ID,
    NOW_S,
    SESSION_ID,
    Document,
    FixedClock,
    SilentAlarm,
    event,
    query,
    session,
    to_body,
)


@pytest.fixture
def record_events(database: AnyDatabase, clock: FixedClock, alarm: SilentAlarm) -> RecordEvents:
    return RecordEvents(database=database, clock=clock, alarm=alarm, on_change=lambda _: None)


def received(document: Document, payload: bytes | None = None) -> ReceivedEvent:
    return ReceivedEvent(read_event(document), to_body(document) if payload is None else payload)


def batch(*documents: Document) -> list[ReceivedEvent]:
    return [received(document) for document in documents]


# --- payments


async def test_a_paid_session_becomes_a_payment(
    record_events: RecordEvents, database: AnyDatabase, database_path: Path
) -> None:
    await record_events(batch(event()))

    assert await database.find_payment(SESSION_ID) == Payment(
        session_id=SESSION_ID,
        facts=PaymentFacts(
            paid=True,
            paid_at_s=NOW_S,
            mode=Mode.PAYMENT,
            amount_total_minor=1999,
            currency="eur",
            details=SessionDetails(livemode=False, created_s=NOW_S),
            checkout_id=CHECKOUT_ID,
            intent_ids=("pi_1",),
        ),
        updated_at_ms=NOW_S * 1000,
    )
    (row,) = query(database_path, "SELECT * FROM payments")
    del row["facts"], row["recovered_from"]
    assert row == {
        "session_id": SESSION_ID,
        "checkout_id": CHECKOUT_ID,
        "status": "paid",
        "amount_total_minor": 1999,
        "currency": "eur",
        "paid_at_s": NOW_S,
        "updated_at_ms": NOW_S * 1000,
        "price_mismatch": 0,
        "version": 1,
        "amount_refunded_minor": 0,
        "contradicted": 0,
        "created_at_ms": NOW_S * 1000,
        "client_reference_id": None,
        "flagged": 0,
        "wants_line_items": 1,
        "attempt_noted": 0,
    }


async def test_the_ids_that_a_session_mentions_are_linked_to_its_payment(
    record_events: RecordEvents, database_path: Path
) -> None:
    subject = session(payment_intent="pi_1", subscription={"id": "sub_1"}, invoice="in_1")

    await record_events(batch(event(subject=subject)))

    assert query(database_path, "SELECT * FROM payment_links ORDER BY object_id") == [
        {"object_id": object_id, "session_id": SESSION_ID}
        for object_id in ("in_1", "pi_1", "sub_1")
    ]


async def test_an_id_that_two_sessions_mention_leads_to_both(
    record_events: RecordEvents, database_path: Path
) -> None:
    await record_events(batch(event()))

    await record_events(batch(event(id="evt_2", subject=session(id="cs_test_other"))))

    assert query(database_path, "SELECT session_id FROM payment_links ORDER BY session_id") == [
        {"session_id": SESSION_ID},
        {"session_id": "cs_test_other"},
    ]


async def test_events_of_one_payment_are_joined_within_a_batch(
    record_events: RecordEvents, database: AnyDatabase
) -> None:
    await record_events(
        batch(
            event("checkout.session.expired", id="evt_1"),
            event(id="evt_2", subject=session(payment_status="unpaid")),
            event("checkout.session.async_payment_succeeded", id="evt_3"),
        )
    )

    payment = await database.find_payment(SESSION_ID)
    assert payment is not None
    assert payment.facts.status is PaymentStatus.PAID
    assert payment.facts.expired
    assert payment.facts.awaits_bank


async def test_events_of_one_payment_are_joined_from_batch_to_batch(
    record_events: RecordEvents, database: AnyDatabase, clock: FixedClock
) -> None:
    await record_events(batch(event("checkout.session.async_payment_succeeded", id="evt_1")))
    clock.ms += 5

    await record_events(batch(event(id="evt_2", subject=session(payment_status="unpaid"))))

    payment = await database.find_payment(SESSION_ID)
    assert payment is not None
    assert payment.facts.status is PaymentStatus.PAID
    assert payment.facts.awaits_bank
    assert payment.updated_at_ms == NOW_S * 1000 + 5


async def test_an_event_with_nothing_new_leaves_the_payment_as_it_is(
    record_events: RecordEvents, database: AnyDatabase, clock: FixedClock
) -> None:
    await record_events(batch(event(id="evt_1")))
    clock.ms += 5

    await record_events(batch(event(id="evt_2")))

    payment = await database.find_payment(SESSION_ID)
    assert payment is not None
    assert payment.updated_at_ms == NOW_S * 1000


async def test_a_duplicate_is_not_folded_again(
    record_events: RecordEvents, database: AnyDatabase
) -> None:
    await record_events(batch(event(subject=session(payment_status="unpaid"))))

    await record_events(batch(event()))  # the same id: whatever it says now was not heard

    payment = await database.find_payment(SESSION_ID)
    assert payment is not None
    assert payment.facts.status is PaymentStatus.PROCESSING


# --- what the owner hears


async def expect(database: AnyDatabase, expected: ExpectedSubtotal | None) -> None:
    async def keep(transaction: Transaction) -> None:
        checkout = Checkout(
            id=CHECKOUT_ID,
            created_at_ms=NOW_S * 1000,
            cart=Cart((LineItem("price_A", 1),), Mode.PAYMENT),
            client_reference_id=None,
            success_url="https://shop.example/",
            cancel_url="https://shop.example/",
            url="https://checkout.stripe.com/pay/x",
            session_id=SESSION_ID,
            expected=expected,
        )
        await transaction.add_checkout(checkout)
        await transaction.commit()

    await database.write(keep)


async def test_a_payment_that_differs_is_flagged_and_alerts_only_once(
    record_events: RecordEvents, database: AnyDatabase, alarm: SilentAlarm
) -> None:
    await expect(database, ExpectedSubtotal(amount_minor=1999, currency="eur"))
    subject = session(amount_subtotal=1)

    await record_events(batch(event(subject=subject), event(subject=subject)))
    await record_events(batch(event(subject=subject)))
    await record_events(batch(event(id="evt_2", created=NOW_S - 1, subject=subject)))

    payment = await database.find_payment(SESSION_ID)
    assert payment is not None
    assert payment.price_mismatch
    assert alarm.names == [AlertName.PRICE_MISMATCH]


@pytest.mark.parametrize("expected", [None, ExpectedSubtotal(amount_minor=1999, currency="eur")])
async def test_a_payment_that_does_not_differ_is_no_evidence(
    record_events: RecordEvents,
    database: AnyDatabase,
    alarm: SilentAlarm,
    expected: ExpectedSubtotal | None,
) -> None:
    await expect(database, expected)

    await record_events(batch(event(subject=session(amount_subtotal=1999))))

    payment = await database.find_payment(SESSION_ID)
    assert payment is not None
    assert not payment.price_mismatch
    assert alarm.told == []
