"""What `altan-checkout doctor` finds of notifications."""

import asyncio
import base64
from pathlib import Path

import pytest

from app.commands.doctor_notifications import judge_receiver, notifications_of
from app.commands.findings import Verdict
from app.usecases.outbox import PauseReason, Receiver
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
            Receiver(paused_at_ms=NOW_MS, pause_reason=PauseReason.GONE),
            "Paused: docs/alerts.md#notifications_paused",
        ),
        (
            Receiver(failures=2, failing_since_ms=NOW_MS, last_http_status=401),
            "Failing since 2025-10-09T08:53:20.000Z: the receiver last answered 401",
        ),
        (Receiver(failures=2, failing_since_ms=NOW_MS), "the receiver last gave no answer"),
    ],
)
def test_what_keeps_the_receiver_from_being_told_is_a_warning(
    receiver: Receiver, words: str
) -> None:
    finding = judge_receiver(receiver, "posted to hooks.test")

    assert finding.verdict is Verdict.WARNING
    assert finding.message.endswith(words)
