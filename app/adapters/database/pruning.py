"""Deletes the bodies of old events, and lets the orders table learn whose data went with them."""

from collections.abc import Sequence

from app.adapters.database import sql
from app.adapters.database.outbox import Writes
from app.adapters.database.outbox_rows import new_to_row
from app.adapters.database.outbox_sql import ADD_NOTIFICATION
from app.adapters.database.rows import Row, row_to_stored_event
from app.domain.fold.readings import read_for_fold
from app.domain.notifications.notices import Notice
from app.domain.notifications.notification import notifications
from app.domain.notifications.types import NotificationType
from app.usecases.outbox import Posting


async def prune_payloads(
    transaction: Writes, posting: Posting, *, before_ms: int, now_ms: int, limit: int
) -> int:
    """Delete payloads of events received before `before_ms`; return how many."""
    found = await transaction.ask(sql.PRUNABLE, before_ms=before_ms, limit=limit)
    pruned = await transaction.change(sql.PRUNE, ids=[row["id"] for row in found])
    session_ids = _session_ids(found) if posting.has_table else []
    if session_ids:
        silent = Notice(type=NotificationType.CHANGED, cause=f"pruned {now_ms}")
        new = [
            new_to_row(each, posting)
            for row in await transaction.ask(sql.ORDERS_OF_SESSIONS, ids=session_ids)
            for each in notifications([silent], **dict(row), at_ms=now_ms)
        ]
        await transaction.write_rows(ADD_NOTIFICATION, new)
    return pruned


def _session_ids(rows: Sequence[Row]) -> list[str]:
    """Return the sessions that these events of sessions are about."""
    stored = [row_to_stored_event(row) for row in rows if row["payload"] is not None]
    mentions = [
        each for event in stored if event.event for each in read_for_fold(event.event).mentions
    ]
    return sorted({each.object_id for each in mentions if each.object_id.startswith("cs_")})
