"""Sends all orders to the orders table, the latest first."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.notifications.tries import Verdict, verdict_of
from app.usecases.keep_orders_table import ROWS_MAX
from app.usecases.order_document import Document
from app.usecases.orders import OrderFilter, OrderPosition
from app.usecases.orders_table import ABOUT_A_ROW, OrdersTable
from app.usecases.read_orders import ReadOrders


@dataclass(slots=True, kw_only=True)
class Filling:
    """How many orders were sent, which were refused, and what ended it before the last one."""

    sent: int = 0
    refused: int = 0
    first_refused: str | None = None
    problem: str | None = None


async def fill_orders_table(orders: ReadOrders, table: OrdersTable) -> Filling:
    """Send all; a row that is refused stops no other one, a table that fails stops all.

    Raises:
        StorageUnavailableError: the orders cannot be read.
    """
    filling = Filling()
    after: OrderPosition | None = None
    while True:
        page = await orders.page(OrderFilter(), after, limit=ROWS_MAX)
        await _send(filling, [order.document for order in page.orders], table)
        if filling.problem or page.next is None:
            return filling
        after = page.next


async def _send(filling: Filling, orders: Sequence[Document], table: OrdersTable) -> None:
    """Send a page; if the table refuses it because of a row, send its orders one by one."""
    if not orders:
        return
    answer = await table.upsert(orders)
    if verdict_of(answer) is Verdict.TAKEN:
        filling.sent += len(orders)
    elif answer.status not in ABOUT_A_ROW or not await table.fits():
        filling.problem = answer.message
    elif len(orders) == 1:
        filling.refused += 1
        filling.first_refused = filling.first_refused or f"{orders[0]['id']}: {answer.message}"
    else:
        for order in orders:
            if not filling.problem:
                await _send(filling, [order], table)
