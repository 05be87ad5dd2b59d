"""Converts between rows and values for notifications, like `rows.py`."""

import orjson

from app.adapters.database.rows import NamedValues, Row
from app.domain.notifications.notices import PaidInvoice
from app.domain.notifications.notification import NewNotification
from app.domain.notifications.types import NotificationType
from app.usecases.notification_tries import SettledTry, Try, TryResult
from app.usecases.outbox import Delivery, Notification, Position, Posting
from app.usecases.receiver_state import PauseReason, ReceiverState


def new_to_row(new: NewNotification, posting: Posting) -> NamedValues:
    """Return the columns of a new notification, which is due at once if it is posted."""
    is_posted = posting.includes(new)
    return {
        "id": new.id,
        "session_id": new.session_id,
        "order_id": new.order_id,
        "type": new.type,
        "cause": new.cause,
        "at_ms": new.at_ms,
        "invoice": orjson.dumps(new.invoice).decode() if new.invoice else None,
        "delivery": Delivery.WAITING if is_posted else Delivery.UNPOSTED,
        "due_at_ms": new.at_ms if is_posted else None,
    }


def row_to_notification(row: Row) -> Notification:
    """Build a notification from its columns."""
    invoice = row["invoice"]
    return Notification(
        id=row["id"],
        position=Position(row["tx"], row["seq"]),
        session_id=row["session_id"],
        order_id=row["order_id"],
        type=NotificationType(row["type"]),
        cause=row["cause"],
        at_ms=row["at_ms"],
        invoice=PaidInvoice(**orjson.loads(invoice)) if invoice else None,
        delivery=Delivery(row["delivery"]),
        attempts=row["attempts"],
        due_at_ms=row["due_at_ms"],
        leased_until_ms=row["leased_until_ms"],
        planned_at_ms=row["planned_at_ms"],
    )


def settled_to_row(settled: SettledTry) -> NamedValues:
    """Return what an attempt changes in its notification."""
    tried = settled.tried
    is_again = tried.result is TryResult.AGAIN
    return {
        "id": tried.notification_id,
        "leased_until_ms": settled.leased_until_ms,
        "delivery": Delivery.WAITING if is_again else Delivery(tried.result.value),
        "counted": int(settled.is_counted),
        "due_at_ms": settled.due_at_ms,
        "planned_at_ms": settled.planned_at_ms,
    }


def row_to_try(row: Row) -> Try:
    """Build an attempt from its columns."""
    return Try(**(dict(row) | {"result": TryResult(row["result"])}))


def row_to_receiver(row: Row) -> tuple[ReceiverState, int]:
    """Return the receiver's state, and when it may be probed next."""
    values = dict(row)
    probe_at_ms: int = values.pop("probe_at_ms")
    if values["pause_reason"]:
        values["pause_reason"] = PauseReason(values["pause_reason"])
    return ReceiverState(**values), probe_at_ms
