"""What `altan-checkout doctor` reports about notifications: the receiver and its state."""

import asyncio

from app.commands.findings import Finding, Verdict
from app.databases import open_database
from app.domain.errors import StorageUnavailableError
from app.domain.moments import rfc3339
from app.settings.settings import Settings
from app.usecases.outbox import Receiver
from app.usecases.ports import say_nothing


def notifications_of(settings: Settings, *, is_database_fine: bool) -> Finding:
    """Say what is configured, and when one was last taken; nothing is sent."""
    if settings.notify_host is None:
        message = "off: nothing is posted until NOTIFY_URL is set"
        return Finding("notifications", Verdict.OK, message)
    has_database = settings.postgres_url is not None or settings.database_path.exists()
    receiver = Receiver()
    if is_database_fine and has_database:
        try:
            receiver = asyncio.run(_read(settings))
        except StorageUnavailableError as error:
            message = f"{_configured(settings)}; not known how it goes: {error.detail}"
            return Finding("notifications", Verdict.WARNING, message)
    return judge_receiver(receiver, _configured(settings))


def _configured(settings: Settings) -> str:
    count = len(settings.notify_secrets)
    message = f"posted to {settings.notify_host}, signed with {count} secret"
    message += "" if count == 1 else "s"
    if settings.notify_auth_header_name:
        message += f", with the header {settings.notify_auth_header_name}"
    return message


async def _read(settings: Settings) -> Receiver:
    database = open_database(settings, say_nothing)
    try:
        return await database.receiver()
    finally:
        await database.close()


def judge_receiver(receiver: Receiver, configured: str) -> Finding:
    """Warn where nothing is sent, or nothing is taken."""
    taken_ms = receiver.last_taken_at_ms
    taken = "none was taken yet" if taken_ms is None else f"last taken {rfc3339(taken_ms)}"
    message = f"{configured}; {taken}"
    if receiver.is_paused:
        return Finding(
            "notifications",
            Verdict.WARNING,
            f"{message}. Paused: docs/alerts.md#notifications_paused",
        )
    if receiver.failing_since_ms is None:
        return Finding("notifications", Verdict.OK, message)
    status = receiver.last_http_status
    answer = "gave no answer" if status is None else f"answered {status}"
    since = rfc3339(receiver.failing_since_ms)
    message += f". Failing since {since}: the receiver last {answer}"
    return Finding("notifications", Verdict.WARNING, message)
