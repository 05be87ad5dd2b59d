"""What `altan-checkout doctor` finds of notifications."""

import asyncio
import base64
from pathlib import Path

import pytest

from app.commands.doctor_notifications import (
    judge_orders_table,
    judge_receiver,
    notifications_of,
    orders_table_of,
)
from app.commands.findings import Verdict
from app.usecases.notification_feed import FeedTip
from app.usecases.orders_table import TableState
from app.usecases.outbox import Position
from app.usecases.receiver_state import PauseReason, ReceiverState
from tests.support.builders import Document, SilentAlarm, settings
from tests.support.outbox import NOW_MS, POSTED, ended, lease, new_notification, notify
from tests.support.rows import open_database

KEY = f"whsec_{base64.b64encode(b'k' * 24).decode()}"
NEWER = f"whsec_{base64.b64encode(bytes(range(64))).decode()}"
URL = "https://hooks.test/hunter2"
CONFIGURED = {"notify_url": URL, "notify_secrets": [KEY]}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, "off: nothing is posted until NOTIFY_URL is set"),
        (
            {"notify_url": URL, "notify_secrets": [KEY]},
            "posted to hooks.test, signed with 1 secret; none was taken yet",
        ),
        (
            {
                "notify_url": URL,
                "notify_secrets": [NEWER, KEY],
                "notify_auth_header": "X-Key: hunter2",
            },
            (
                "posted to hooks.test, signed with 2 secrets, with the header X-Key; "
                "none was taken yet"
            ),
        ),
    ],
)
def test_doctor_says_who_is_told(tmp_path: Path, changes: Document, message: str) -> None:
    assert notifications_of(settings(tmp_path, **changes), is_database_fine=True).message == message


async def test_doctor_says_when_one_was_last_taken(tmp_path: Path, database_path: Path) -> None:
    database = open_database(database_path, SilentAlarm())
    database.posting = POSTED
    await notify(database, new_notification(1))
    (leased,) = await lease(database)
    await database.settle_tries([ended(leased)])
    await database.close()

    finding = await asyncio.to_thread(
        notifications_of, settings(tmp_path, **CONFIGURED), is_database_fine=True
    )

    assert finding.verdict is Verdict.OK
    assert finding.message.endswith("; last taken 2025-10-09T08:53:20.005Z")


def test_a_database_that_fails_is_not_asked(tmp_path: Path) -> None:
    (tmp_path / "checkout.db").write_bytes(b"no database at all, but long enough to be looked at")

    asked = notifications_of(settings(tmp_path, **CONFIGURED), is_database_fine=True)
    unasked = notifications_of(settings(tmp_path, **CONFIGURED), is_database_fine=False)

    assert asked.verdict is Verdict.WARNING
    assert "not known how it goes" in asked.message
    assert unasked.verdict is Verdict.OK


@pytest.mark.parametrize(
    ("receiver", "words"),
    [
        (
            ReceiverState(paused_at_ms=NOW_MS, pause_reason=PauseReason.GONE),
            "Paused: docs/alerts.md#notifications_paused",
        ),
        (
            ReceiverState(failures=2, failing_since_ms=NOW_MS, last_http_status=401),
            "Failing since 2025-10-09T08:53:20.000Z: the receiver last answered 401",
        ),
        (ReceiverState(failures=2, failing_since_ms=NOW_MS), "the receiver last gave no answer"),
    ],
)
def test_what_keeps_the_receiver_from_being_told_is_a_warning(
    receiver: ReceiverState, words: str
) -> None:
    finding = judge_receiver(receiver, "posted to hooks.test")

    assert finding.verdict is Verdict.WARNING
    assert finding.message.endswith(words)


TABLE = {"orders_table_url": "https://cloud.test/rest/v1/checkout_orders", "orders_table_key": "k"}


def test_doctor_says_where_rows_are_written(tmp_path: Path, database_path: Path) -> None:
    assert database_path.exists()
    off = orders_table_of(settings(tmp_path), is_database_fine=True)
    on = orders_table_of(settings(tmp_path, **TABLE), is_database_fine=True)
    unasked = orders_table_of(settings(tmp_path, **TABLE), is_database_fine=False)

    assert off.message == "off: no row is written until ORDERS_TABLE_URL is set"
    assert on.message == "rows are written to cloud.test; it has begun with no order"
    assert unasked == on


def test_a_table_whose_database_fails_is_not_known(tmp_path: Path) -> None:
    (tmp_path / "checkout.db").write_bytes(b"no database at all, but long enough to be looked at")

    found = orders_table_of(settings(tmp_path, **TABLE), is_database_fine=True)

    assert (found.verdict, "not known how it goes" in found.message) == (Verdict.WARNING, True)


@pytest.mark.parametrize(
    ("changes", "verdict", "words"),
    [
        ({}, Verdict.OK, "it has every change"),
        ({"position": Position(1, 1)}, Verdict.OK, "changes are waiting"),
        (
            {"refused": 1},
            Verdict.WARNING,
            "it refuses 1 order: docs/operate.md#if-the-orders-table-refuses",
        ),
        (
            {"refused": 2},
            Verdict.WARNING,
            "refuses 2 orders: docs/operate.md#if-the-orders-table-refuses",
        ),
        (
            {"failing_since_ms": NOW_MS, "problem": "answered 401"},
            Verdict.WARNING,
            "Failing since 2025-10-09T08:53:20.000Z: the table last answered 401",
        ),
    ],
)
def test_what_keeps_rows_from_the_table_is_a_warning(
    changes: Document, verdict: Verdict, words: str
) -> None:
    state = TableState(**{"position": Position(1, 2)} | changes)  # type: ignore[arg-type]
    tip = FeedTip(position=Position(1, 2), is_held_back=False)
    finding = judge_orders_table(state, tip, "rows are written to cloud.test")

    assert (finding.verdict, finding.message.endswith(words)) == (verdict, True)


def test_the_orders_table_may_wait_for_an_open_transaction() -> None:
    tip = FeedTip(position=Position(1, 2), is_held_back=True)

    finding = judge_orders_table(TableState(position=Position(1, 2)), tip, "rows are written")

    assert finding.verdict is Verdict.OK
    assert "later changes wait for a transaction that is open: docs/operate.md" in finding.message
