"""Upgrades from every earlier revision, with rows, on both databases: nothing is lost."""

import asyncio
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from alembic.script import ScriptDirectory

from app.adapters.database.migrate import SCHEMA_REVISION, migrate
from app.adapters.database.postgres.schema import migrate_postgres
from app.adapters.database.upgrade import upgrade, upgrade_postgres
from app.domain.fold.records import EventState
from app.domain.payments.status import PaymentStatus
from app.usecases.replay_events import ReplayEvents
from tests.support.builders import (
    CHECKOUT_ID,
    NOW_S,
    SESSION_ID,
    FixedClock,
    SilentAlarm,
    event,
    query,
    session,
    to_body,
)
from tests.support.rows import open_database

NOW_MS = NOW_S * 1000
PAID = event(id="evt_paid", subject=session(payment_intent="pi_1"))
OTHER = event("customer.created", {"id": "cus_1", "object": "customer"}, id="evt_other")
ODD = event(
    id="evt_odd",
    subject=session(id="cs_test_odd", payment_status="unheard of", payment_intent=None),
)

CHECKOUT = {
    "id": CHECKOUT_ID,
    "created_at_ms": NOW_MS,
    "mode": "payment",
    "line_items": '[{"price":"price_A","quantity":2}]',
    "client_reference_id": "order-42",
    "success_url": "https://shop.example/?session_id={CHECKOUT_SESSION_ID}",
    "cancel_url": "https://shop.example/cart",
    "url": "https://checkout.stripe.com/c/pay/cs_test_a1",
    "session_id": SESSION_ID,
}
PAYMENT = {
    "session_id": SESSION_ID,
    "checkout_id": CHECKOUT_ID,
    "status": "paid",
    "amount_total_minor": 1999,
    "currency": "eur",
    "paid_at_s": NOW_S,
    "facts": f'{{"paid":true,"paid_at_s":{NOW_S},"amount_total_minor":1999,"currency":"eur"}}',
    "updated_at_ms": NOW_MS,
}
TWIN_KEY = sha256(f"order-42\n{CHECKOUT['line_items']}".encode()).hexdigest()
KEY = {
    "key_digest": "a" * 64,
    "fingerprint": "b" * 64,
    "checkout_id": CHECKOUT_ID,
    "state": "open",
    "lease_until_ms": NOW_MS + 5,
    "created_at_ms": NOW_MS,
}


def event_row(document: dict[str, Any], state: str, reason: str | None = None) -> dict[str, Any]:
    return {
        "id": document["id"],
        "type": document["type"],
        "created_s": NOW_S,
        "received_at_ms": NOW_MS,
        "account": "acct_shop",
        "livemode": True,
        "state": state,
        "reason": reason,
        "payload": to_body(document),
    }


EVENTS = [
    event_row(ODD, "failed", "not understood then"),
    event_row(OTHER, "recorded"),
    event_row(PAID, "folded"),
]


def insert(path: Path, table: str, row: dict[str, Any]) -> None:
    marks = ", ".join("?" * len(row))
    query(path, f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", *row.values())  # noqa: S608 ours


def seed_0001(path: Path) -> None:
    insert(path, "checkouts", CHECKOUT)
    for row in EVENTS:
        insert(path, "events", row)
    insert(path, "payments", PAYMENT)
    insert(path, "payment_links", {"object_id": "pi_1", "session_id": SESSION_ID})
    insert(path, "heartbeat", {"id": 1, "at_ms": 7})


def seed_0002(path: Path) -> None:
    seed_0001(path)
    query(path, "UPDATE checkouts SET expected_subtotal_minor = 2000, expected_currency = 'eur'")
    query(path, "UPDATE payments SET price_mismatch = true")
    insert(path, "idempotency_keys", KEY)


def seed_0003(path: Path) -> None:
    """Of a service that was stopped before it had read its older events again."""
    seed_0002(path)
    query(path, "UPDATE events SET state = 'unread', reason = NULL")


def seed_0006(path: Path) -> None:
    """Of a service that has heard from Stripe."""
    seed_0003(path)
    insert(
        path,
        "webhook_sightings",
        {"kind": "taken", "at_ms": NOW_MS, "reason": None, "times": 1},
    )


def seed_0007(path: Path) -> None:
    """Of a service whose orders had renewals, one of them disputed."""
    seed_0006(path)
    query(path, "UPDATE payments SET created_at_ms = updated_at_ms, flagged = price_mismatch")
    for number, facts in enumerate(['{"paid":true}', '{"disputes":{"dp_1":{}}}']):
        row = {"session_id": SESSION_ID, "invoice_id": f"in_{number}", "facts": facts}
        insert(path, "renewals", row)


def seed_0009(path: Path) -> None:
    seed_0007(path)
    query(path, "UPDATE renewals SET flagged = true WHERE invoice_id = 'in_1'")


def seed_0012(path: Path) -> None:
    seed_0009(path)
    query(path, "UPDATE checkouts SET has_outcome = true")


def seed_0017(path: Path) -> None:
    seed_0012(path)
    query(path, "UPDATE checkouts SET twin_key = ?", TWIN_KEY)


SEEDS = {
    "0001": seed_0001,
    "0002": seed_0002,
    "0003": seed_0003,
    "0004": seed_0003,
    "0005": seed_0003,
    "0006": seed_0006,
    "0007": seed_0007,
    "0008": seed_0007,
    "0009": seed_0009,
    "0010": seed_0009,
    "0011": seed_0009,
    "0012": seed_0012,
    "0013": seed_0012,
    "0014": seed_0012,
    "0015": seed_0012,
    "0016": seed_0012,
    "0017": seed_0017,
}


@pytest.fixture(params=["sqlite", "postgres"])
def empty_path(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """Where an empty database is."""
    if request.param == "sqlite":
        yield tmp_path / "checkout.db"
    else:
        path = tmp_path / "checkout.url"
        path.write_text(request.getfixturevalue("empty_postgres_url"))
        yield path


def bring_to(path: Path, revision: str) -> None:
    """In this process, because another one needs a second of CPU to start."""
    if path.suffix == ".url":
        asyncio.run(upgrade_postgres(path.read_text(), revision))
    else:
        upgrade(path, revision)


def migrate_as_operators_do(path: Path) -> None:
    """In another process."""
    if path.suffix == ".url":
        migrate_postgres(path.read_text(), name="the test's")
    else:
        migrate(path)


def rows(path: Path, table: str, order: str) -> list[dict[str, Any]]:
    return query(path, f"SELECT * FROM {table} ORDER BY {order}")  # noqa: S608 ours


def test_there_is_a_seed_for_every_earlier_revision() -> None:
    migrations = ScriptDirectory(str(Path(upgrade.__code__.co_filename).parent / "migrations"))
    revisions = [each.revision for each in migrations.walk_revisions()]
    assert [*SEEDS, SCHEMA_REVISION] == revisions[::-1]


@pytest.mark.parametrize("revision", SEEDS)
def test_rows_of_an_earlier_revision_are_kept(empty_path: Path, revision: str) -> None:
    bring_to(empty_path, revision)
    SEEDS[revision](empty_path)

    if revision == min(SEEDS):  # which runs every migration
        migrate_as_operators_do(empty_path)
    else:
        bring_to(empty_path, "head")

    is_second = revision != "0001"
    price = {"expected_subtotal_minor": 2000, "expected_currency": "eur"}
    assert rows(empty_path, "checkouts", "id") == [
        CHECKOUT
        | {"key_digest": None, "created_by": "browser", "has_outcome": True}
        | {"expected_in_trial_minor": None, "twin_key": TWIN_KEY}
        | {"has_attempt": True}
        | (price if is_second else dict.fromkeys(price))
    ]
    assert rows(empty_path, "events", "id") == [
        row | {"state": "unread", "reason": None, "state_changes": 0, "source": "webhook"}
        for row in EVENTS
    ]
    assert rows(empty_path, "payments", "session_id") == [
        PAYMENT
        | {"price_mismatch": is_second, "version": 1}
        | {"amount_refunded_minor": 0, "contradicted": False, "recovered_from": None}
        | {"created_at_ms": NOW_MS, "client_reference_id": None, "flagged": is_second}
        | {"wants_line_items": False, "attempt_noted": True}
    ]
    assert rows(empty_path, "idempotency_keys", "key_digest") == ([KEY] if is_second else [])
    renewals = [(row["invoice_id"], row["flagged"]) for row in rows(empty_path, "renewals", "1, 2")]
    assert renewals == ([("in_0", False), ("in_1", True)] if revision >= "0007" else [])
    assert rows(empty_path, "heartbeat", "id") == [{"id": 1, "at_ms": 7}]
    assert rows(empty_path, "webhook_sightings", "kind") == [
        {"kind": "taken", "at_ms": NOW_MS, "reason": None, "times": 1}
    ]
    assert rows(empty_path, "alembic_version", "1") == [{"version_num": SCHEMA_REVISION}]


@pytest.mark.parametrize("revision", SEEDS)
async def test_events_of_before_are_folded_once_more_and_agree(
    empty_path: Path, revision: str, alarm: SilentAlarm
) -> None:
    await asyncio.to_thread(bring_to, empty_path, revision)
    SEEDS[revision](empty_path)
    await asyncio.to_thread(bring_to, empty_path, "head")
    database = open_database(empty_path, alarm)

    ended = await ReplayEvents(
        database=database, clock=FixedClock(), alarm=alarm, on_change=lambda _: None
    ).of_state(EventState.UNREAD)

    assert ended == {EventState.FAILED: 1, EventState.RECORDED: 1, EventState.FOLDED: 1}
    payment = await database.find_payment(SESSION_ID)
    assert payment is not None
    assert payment.facts.status is PaymentStatus.PAID
    links = [{"object_id": "pi_1", "session_id": SESSION_ID}]
    assert rows(empty_path, "payment_links", "object_id") == links
    await database.close()
