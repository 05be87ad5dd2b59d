"""Notifications for the tests of the outbox, and what happens to them."""

from collections.abc import Sequence

from app.domain.fold.outcome import Outcome
from app.domain.notifications.notification import NewNotification
from app.domain.notifications.types import NotificationType
from app.usecases.notification_tries import SettledTry, Try, TryResult
from app.usecases.outbox import Notification, Outbox, Posting
from app.usecases.storage import Database, Transaction
from tests.support.builders import NOW_S, SESSION_ID

NOW_MS = NOW_S * 1000
LEASE_MS = 20_000
PROBE_MS = 10_000
POSTED = Posting(is_on=True, includes_foreign=True)


def new_notification(number: int = 1, **changes: object) -> NewNotification:
    """One of an order of its own, unless `changes` say otherwise."""
    values: dict[str, object] = {
        "id": f"msg_{number:026}",
        "session_id": SESSION_ID,
        "order_id": f"chk_{number}",
        "type": NotificationType.PAID,
        "cause": "",
        "at_ms": NOW_MS,
    }
    return NewNotification(**values | changes)  # type: ignore[arg-type]


async def notify(database: Database, *new: NewNotification) -> None:
    """Commit these."""

    async def write(transaction: Transaction) -> None:
        await transaction.record((), Outcome(notifications=list(new)))
        await transaction.commit()

    await database.write(write)


async def lease(outbox: Outbox, at_ms: int = NOW_MS, *, limit: int = 10) -> Sequence[Notification]:
    """Lease as the sender does."""
    return await outbox.lease_notifications(
        now_ms=at_ms, limit=limit, lease_ms=LEASE_MS, probe_every_ms=PROBE_MS
    )


def ended(
    leased: Notification,
    result: TryResult = TryResult.TAKEN,
    *,
    at_ms: int = NOW_MS,
    status: int | None = 200,
    due_at_ms: int | None = None,
) -> SettledTry:
    """The end of a try that began at once and took 5 ms."""
    assert leased.leased_until_ms is not None
    return SettledTry(
        tried=Try(
            notification_id=leased.id,
            at_ms=at_ms,
            duration_ms=5,
            http_status=status,
            problem=None if status else "did not answer in time",
            result=result,
        ),
        leased_until_ms=leased.leased_until_ms,
        due_at_ms=due_at_ms,
    )


def failed(leased: Notification, at_ms: int, *, again_in_ms: int = 5_000) -> SettledTry:
    """A try that was answered 503 and is made again later."""
    return ended(
        leased, TryResult.AGAIN, at_ms=at_ms, status=503, due_at_ms=at_ms + 5 + again_in_ms
    )
