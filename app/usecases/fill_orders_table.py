"""Sends all orders to the orders table, the latest first."""

from app.domain.notifications.tries import Verdict, verdict_of
from app.usecases.keep_orders_table import ROWS_MAX
from app.usecases.orders import OrderFilter, OrderPosition
from app.usecases.orders_table import OrdersTable
from app.usecases.read_orders import ReadOrders


async def fill_orders_table(orders: ReadOrders, table: OrdersTable) -> tuple[int, str | None]:
    """Return how many were sent, and what the table did if it refused the next ones.

    Raises:
        StorageUnavailableError: the orders cannot be read.
    """
    sent = 0
    after: OrderPosition | None = None
    while True:
        page = await orders.page(OrderFilter(), after, limit=ROWS_MAX)
        if page.orders:
            answer = await table.upsert([order.document for order in page.orders])
            if verdict_of(answer) is not Verdict.TAKEN:
                return sent, answer.words
        sent += len(page.orders)
        if page.next is None:
            return sent, None
        after = page.next
