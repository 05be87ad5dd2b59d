"""Reads the orders for the orders table, so that one that cannot be read stops no other one."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from app.domain.errors import StorageUnavailableError
from app.usecases.order_document import Document
from app.usecases.orders_table import RefusedOrder
from app.usecases.outbox import Notification
from app.usecases.rendering import OrderMissingError, Render, documents_or_defects

OrdersOf = Callable[[Collection[str]], Awaitable[Mapping[str, Document]]]
"""Reads the orders of sessions, by session."""


@dataclass(slots=True)
class OrdersToWrite:
    """Orders by their ids, and the ids of orders that cannot be read, with one of their sessions.

    `gone` are ids of orders that no longer exist.
    """

    orders: dict[str, Document] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)


async def orders_to_write(
    render: Render, notifications: Sequence[Notification]
) -> list[OrdersToWrite]:
    """Return what each notification is about; nothing for those whose order is missing.

    Raises:
        StorageUnavailableError: the database cannot be read.
    """
    documents = await documents_or_defects(render, notifications)
    return [_to_write(*each) for each in zip(notifications, documents, strict=True)]


def together(found: Sequence[OrdersToWrite]) -> OrdersToWrite:
    """Return all of these."""
    all_of_them = OrdersToWrite()
    for each in found:
        all_of_them.orders |= each.orders
        all_of_them.unreadable |= each.unreadable
        all_of_them.gone += each.gone
    return all_of_them


async def orders_to_retry(orders_of: OrdersOf, due: Sequence[RefusedOrder]) -> OrdersToWrite:
    """Return the orders that are set aside and due.

    Raises:
        StorageUnavailableError: the database cannot be read.
    """
    found = OrdersToWrite()
    for each in due:
        try:
            orders = (await orders_of([each.session_id])).values()
        except StorageUnavailableError:
            raise
        except Exception:  # noqa: BLE001 a defect of ours must not stop the other orders
            found.unreadable[each.order_id] = each.session_id
            continue
        found.orders |= {order["id"]: order for order in orders}
        if each.order_id not in found.orders:
            found.gone.append(each.order_id)
    return found


def _to_write(notification: Notification, document: Document | Exception) -> OrdersToWrite:
    if isinstance(document, OrderMissingError):
        return OrdersToWrite()
    if isinstance(document, Exception):
        return OrdersToWrite(unreadable={notification.order_id: notification.session_id})
    return OrdersToWrite({document["data"]["id"]: document["data"]})
