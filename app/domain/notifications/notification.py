"""A notification about an order, as written in the transaction of the change."""

from collections.abc import Iterable
from dataclasses import dataclass

from app.domain.notifications.notices import Notice, PaidInvoice
from app.domain.notifications.types import NotificationType


@dataclass(frozen=True, slots=True, kw_only=True)
class NewNotification:
    """A notification to store. `order_id` is the checkout's id, or the session's without one."""

    id: str
    session_id: str
    order_id: str
    type: NotificationType
    cause: str
    at_ms: int
    invoice: PaidInvoice | None = None


def notifications(
    notices: Iterable[Notice], *, session_id: str, order_id: str, at_ms: int
) -> list[NewNotification]:
    """Return the notifications about a session's order, in the same order."""
    return [
        NewNotification(
            id=notice.id_for(session_id),
            session_id=session_id,
            order_id=order_id,
            type=notice.type,
            cause=notice.cause,
            at_ms=at_ms,
            invoice=notice.invoice,
        )
        for notice in notices
    ]
