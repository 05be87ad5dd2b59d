"""Notifications as documents for receivers and the feed.

A notification stores only what happened, and to which order. The order is read when it is shown, so
personal data is stored only once.
"""

from collections.abc import Collection, Mapping, Sequence

from app.domain.moments import rfc3339
from app.usecases.load_orders import load_sessions, whole
from app.usecases.order_document import Document, Order, order_of
from app.usecases.orders import OrderBook, OrderDatabase
from app.usecases.outbox import Notification


async def documents_of(
    database: OrderDatabase, notifications: Sequence[Notification]
) -> Mapping[str, Document]:
    """Return each notification's document by its id, with the orders as they are now.

    All are read at the same moment. One whose order is missing, which a manual change may cause, is
    left out.

    Raises:
        StorageUnavailableError: the database cannot be read.
    """
    session_ids = {each.session_id for each in notifications}

    async def look(book: OrderBook) -> Mapping[str, Order]:
        return await _orders_by_session(book, session_ids)

    orders = await database.read_orders(look)
    return {
        each.id: document_of(each, orders[each.session_id])
        for each in notifications
        if each.session_id in orders
    }


async def orders_of(
    database: OrderDatabase, session_ids: Collection[str]
) -> Mapping[str, Document]:
    """Return the orders of these sessions as they are now, by session; missing ones are left out.

    Raises:
        StorageUnavailableError: the database cannot be read.
    """

    async def look(book: OrderBook) -> Mapping[str, Order]:
        return await _orders_by_session(book, set(session_ids))

    orders = await database.read_orders(look)
    return {id_: orders[id_].document for id_ in session_ids if id_ in orders}


def document_of(notification: Notification, order: Order) -> Document:
    """Return the notification as it is posted."""
    data = dict(order.document)
    if invoice := notification.invoice:
        data["invoice"] = {
            "id": invoice.id,
            "amount_paid": invoice.amount_paid_minor,
            "currency": invoice.currency,
        }
    return {"type": notification.type, "timestamp": rfc3339(notification.at_ms), "data": data}


async def _orders_by_session(book: OrderBook, session_ids: set[str]) -> Mapping[str, Order]:
    loaded = await whole(book, await load_sessions(book, sorted(session_ids)))
    return {
        payment.session_id: order
        for parts, order in ((parts, order_of(parts)) for parts in loaded)
        for payment in parts.payments
    }
