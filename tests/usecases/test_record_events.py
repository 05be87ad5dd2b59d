import asyncio
from collections.abc import Iterable
from pathlib import Path

import pytest

from app.databases import AnyDatabase
from app.domain.checkout.cart import Cart, LineItem, Mode
from app.domain.errors import RowsRefusedError
from app.domain.fold.records import Payment
from app.domain.money import Money
from app.domain.payments.facts import PaymentFacts
from app.domain.payments.session_details import SessionDetails
from app.domain.payments.status import PaymentStatus
from app.domain.stripe_events.event import read_event
from app.usecases.ports import AlertName
from app.usecases.record_events import ReceivedEvent, Recorded, RecordEvents
from app.usecases.records import Checkout
from app.usecases.storage import Transaction
from tests.support.builders import (
    ACCOUNT,
    CHECKOUT_ID,
    NOW_S,
    SESSION_ID,
    Document,
    FixedClock,
    SilentAlarm,
    event,
    query,
    session,
    thin_event,
    to_body,
)

UNFORESEEN = {"payment_status": "of a kind that nobody foresaw"}


@pytest.fixture
def record_events(database: AnyDatabase, clock: FixedClock, alarm: SilentAlarm) -> RecordEvents:
    return RecordEvents(database=database, clock=clock, alarm=alarm, on_change=lambda _: None)


def received(document: Document, payload: bytes | None = None) -> ReceivedEvent:
    return ReceivedEvent(read_event(document), to_body(document) if payload is None else payload)


def batch(*documents: Document) -> list[ReceivedEvent]:
    return [received(document) for document in documents]


def ids(database_path: Path) -> Iterable[str]:
    return [row["id"] for row in query(database_path, "SELECT id FROM events ORDER BY id")]


# --- events


async def test_an_event_is_kept_with_all_that_is_known_of_it(
    record_events: RecordEvents, database_path: Path
) -> None:
    document = event(id="evt_7", account=ACCOUNT, livemode=True)

    outcomes = await record_events(batch(document))

    assert outcomes == [Recorded.RECORDED]
    assert query(database_path, "SELECT * FROM events") == [
        {
            "id": "evt_7",
            "type": "checkout.session.completed",
            "created_s": NOW_S,
            "received_at_ms": NOW_S * 1000,
            "account": ACCOUNT,
            "livemode": 1,
            "state": "folded",
            "reason": None,
            "payload": to_body(document),
            "source": "webhook",
            "state_changes": 0,
        }
    ]


@pytest.mark.parametrize(
    "payload",
    [
        b'{ "id" :\t"evt_1",\r\n\n "x": "\\u00e9\xc3\xa9\xf0\x9f\x92\xb6" }  \n',
        b'{"z":1,"a":1.10,"a":1e400}',
        b"\x00\x01 kept even where it is no JSON \xff\xfe",
        b" " * 1_048_576,
    ],
)
async def test_the_payload_is_kept_byte_for_byte(
    record_events: RecordEvents, database_path: Path, payload: bytes
) -> None:
    await record_events([received(event(), payload)])

    assert query(database_path, "SELECT payload FROM events") == [{"payload": payload}]


async def test_an_event_about_no_payment_is_recorded_alone(
    record_events: RecordEvents, database_path: Path
) -> None:
    outcomes = await record_events(batch(event("customer.created", {"id": "cus_1"})))

    assert outcomes == [Recorded.RECORDED]
    assert query(database_path, "SELECT state, reason FROM events") == [
        {"state": "recorded", "reason": None}
    ]
    assert query(database_path, "SELECT * FROM payments") == []


async def test_a_thin_event_is_recorded(record_events: RecordEvents, database_path: Path) -> None:
    await record_events(batch(thin_event()))

    assert query(database_path, "SELECT id, created_s, account, state FROM events") == [
        {"id": "evt_test_thin", "created_s": None, "account": ACCOUNT, "state": "recorded"}
    ]


async def test_an_event_that_comes_again_is_a_duplicate(
    record_events: RecordEvents, database_path: Path
) -> None:
    await record_events([received(event(), b"the first")])

    outcomes = await record_events([received(event(), b"the second")])

    assert outcomes == [Recorded.DUPLICATE]
    assert query(database_path, "SELECT payload FROM events") == [{"payload": b"the first"}]


async def test_an_event_twice_in_a_batch_is_recorded_once(
    record_events: RecordEvents, database_path: Path
) -> None:
    outcomes = await record_events(batch(event(), event(id="evt_2"), event(), event()))

    assert outcomes == [
        Recorded.RECORDED,
        Recorded.RECORDED,
        Recorded.DUPLICATE,
        Recorded.DUPLICATE,
    ]
    assert ids(database_path) == ["evt_1", "evt_2"]


async def test_an_empty_batch_has_no_outcomes(record_events: RecordEvents) -> None:
    assert await record_events([]) == []


# --- events that cannot be folded


async def test_an_event_that_cannot_be_folded_is_kept_with_the_reason(
    record_events: RecordEvents, database_path: Path
) -> None:
    outcomes = await record_events(batch(event(subject=session(**UNFORESEEN))))

    assert outcomes == [Recorded.FAILED]
    (row,) = query(database_path, "SELECT state, reason FROM events")
    assert row["state"] == "failed"
    assert row["reason"].startswith("data.object.payment_status")
    assert query(database_path, "SELECT status FROM payments") == [{"status": "open"}]


async def test_an_event_that_cannot_be_folded_does_not_touch_its_neighbours(
    record_events: RecordEvents, database_path: Path
) -> None:
    outcomes = await record_events(
        batch(
            event(id="evt_1", subject=session(id="cs_test_1", payment_intent="pi_11")),
            event(
                id="evt_2", subject=session(id="cs_test_2", payment_intent="pi_12", **UNFORESEEN)
            ),
            event(id="evt_3", subject=session(id="cs_test_3", payment_intent="pi_13")),
        )
    )

    assert outcomes == [Recorded.RECORDED, Recorded.FAILED, Recorded.RECORDED]
    assert query(database_path, "SELECT session_id, status FROM payments ORDER BY session_id") == [
        {"session_id": "cs_test_1", "status": "paid"},
        {"session_id": "cs_test_2", "status": "open"},
        {"session_id": "cs_test_3", "status": "paid"},
    ]


async def test_a_failed_event_that_comes_again_and_fails_again_is_a_duplicate(
    record_events: RecordEvents, database_path: Path
) -> None:
    failing = batch(event(subject=session(**UNFORESEEN)))
    await record_events(failing)

    outcomes = await record_events(failing)

    assert outcomes == [Recorded.DUPLICATE]
    assert query(database_path, "SELECT state FROM events") == [{"state": "failed"}]


async def test_a_failed_event_that_comes_again_and_can_be_folded_now_is_folded(
    record_events: RecordEvents, database: AnyDatabase, database_path: Path
) -> None:
    payload = to_body(event())
    query(
        database_path,
        "INSERT INTO events (id, type, received_at_ms, state, reason, payload)"
        " VALUES ('evt_1', 'checkout.session.completed', 1, 'failed', 'an old defect', ?)",
        payload,
    )

    outcomes = await record_events(batch(event(), event()))

    assert outcomes == [Recorded.RECORDED, Recorded.DUPLICATE]
    assert query(database_path, "SELECT state, reason, received_at_ms FROM events") == [
        {"state": "folded", "reason": None, "received_at_ms": 1}
    ]
    payment = await database.find_payment(SESSION_ID)
    assert payment is not None
    assert payment.facts.status is PaymentStatus.PAID


async def test_a_folded_event_never_becomes_a_failed_one(
    record_events: RecordEvents, database_path: Path
) -> None:
    await record_events(batch(event()))

    outcomes = await record_events(batch(event(subject=session(**UNFORESEEN))))

    assert outcomes == [Recorded.DUPLICATE]
    assert query(database_path, "SELECT state FROM events") == [{"state": "folded"}]


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


async def test_batches_at_the_same_time_are_all_recorded(
    record_events: RecordEvents, database_path: Path
) -> None:
    batches = [batch(event(id=f"evt_{n % 20}")) for n in range(60)]

    outcomes = await asyncio.gather(*(record_events(each) for each in batches))

    assert sorted(outcome for (outcome,) in outcomes) == ["duplicate"] * 40 + ["recorded"] * 20
    assert len(set(ids(database_path))) == 20


async def test_of_a_batch_with_a_row_that_is_refused_nothing_is_committed(
    record_events: RecordEvents, database_path: Path
) -> None:
    too_large = received(event(id="evt_2"), b"x" * 1_048_577)

    with pytest.raises(RowsRefusedError):
        await record_events([received(event(id="evt_1")), too_large])

    assert ids(database_path) == []
    assert query(database_path, "SELECT * FROM payments") == []


# --- what the owner hears


async def expect(database: AnyDatabase, expected: Money | None) -> None:
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
    await expect(database, Money(amount_minor=1999, currency="eur"))
    subject = session(amount_subtotal=1)

    await record_events(batch(event(subject=subject), event(subject=subject)))
    await record_events(batch(event(subject=subject)))
    await record_events(batch(event(id="evt_2", created=NOW_S - 1, subject=subject)))

    payment = await database.find_payment(SESSION_ID)
    assert payment is not None
    assert payment.price_mismatch
    assert alarm.names == [AlertName.PRICE_MISMATCH]


@pytest.mark.parametrize("expected", [None, Money(amount_minor=1999, currency="eur")])
async def test_a_payment_that_does_not_differ_is_no_evidence(
    record_events: RecordEvents,
    database: AnyDatabase,
    alarm: SilentAlarm,
    expected: Money | None,
) -> None:
    await expect(database, expected)

    await record_events(batch(event(subject=session(amount_subtotal=1999))))

    payment = await database.find_payment(SESSION_ID)
    assert payment is not None
    assert not payment.price_mismatch
    assert alarm.told == []


async def test_a_failed_event_and_a_lost_connection_alert_once_each(
    record_events: RecordEvents, alarm: SilentAlarm
) -> None:
    odd = event(id="evt_odd", subject=session(**UNFORESEEN))
    cut = event("account.application.deauthorized", {"id": "ca_1"}, id="evt_cut")

    await record_events(batch(odd, cut))
    await record_events(batch(odd, cut))

    assert sorted(alarm.names) == [AlertName.ACCOUNT_DEAUTHORIZED, AlertName.EVENT_FOLD_FAILED]
