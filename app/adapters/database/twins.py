"""Lets the orders table learn of orders whose second payment changes, and so their flags."""

from collections.abc import Collection

from app.adapters.database.orders import Asks
from app.adapters.database.orders_sql import SESSIONS_OF_TWINS
from app.domain.fold.records import Payment
from app.domain.notifications.notices import Notice
from app.domain.notifications.notification import NewNotification, notifications
from app.domain.notifications.types import NotificationType
from app.usecases.order_flags import KEPT_MONEY


async def changes_of_twins(
    transaction: Asks, payments: Collection[Payment]
) -> list[NewNotification]:
    """Return silent changes for the twins of these changed payments' orders.

    Twins that are not paid are among them: another transaction may be about to commit one.
    """
    paid = [each for each in payments if _may_flag_another(each)]
    if not paid:
        return []
    rows = await transaction.ask(
        SESSIONS_OF_TWINS,
        session_ids=sorted({id_ for each in paid for id_ in _sessions_of(each)}),
        checkout_ids=sorted({each.facts.checkout_id for each in paid if each.facts.checkout_id}),
    )
    first = min(paid, key=lambda each: each.session_id)
    cause = f"twin of {first.session_id} {first.version}"
    silent = Notice(type=NotificationType.CHANGED, cause=cause)
    return [
        new
        for row in rows
        for new in notifications([silent], **dict(row), at_ms=first.updated_at_ms)
    ]


def _may_flag_another(payment: Payment) -> bool:
    """Whether it keeps money, or did before this change."""
    states = {payment.facts.status, payment.before.status if payment.before else None}
    return not states.isdisjoint(KEPT_MONEY)


def _sessions_of(payment: Payment) -> list[str]:
    """Return its session, and the one that this recovers."""
    return [payment.session_id, *filter(None, [payment.facts.recovered_from])]
