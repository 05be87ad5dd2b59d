import asyncio
from collections.abc import Iterable
from pathlib import Path

import pytest

from app.databases import AnyDatabase
from app.domain.errors import RowsRefusedError
from app.domain.payments.status import PaymentStatus
from app.domain.stripe_events.event import read_event
from app.usecases.ports import AlertName
from app.usecases.record_events import ReceivedEvent, Recorded, RecordEvents
from tests.support.builders import (
    ACCOUNT,
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


async def test_a_failed_event_and_a_lost_connection_alert_once_each(
    record_events: RecordEvents, alarm: SilentAlarm
) -> None:
    odd = event(id="evt_odd", subject=session(**UNFORESEEN))
    cut = event("account.application.deauthorized", {"id": "ca_1"}, id="evt_cut")

    await record_events(batch(odd, cut))
    await record_events(batch(odd, cut))

    assert sorted(alarm.names) == [AlertName.ACCOUNT_DEAUTHORIZED, AlertName.EVENT_FOLD_FAILED]
