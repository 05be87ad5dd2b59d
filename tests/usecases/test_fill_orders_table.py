"""All orders are sent to the table, page by page, until it refuses one."""

from collections.abc import Sequence
from typing import Any

import pytest

from app.domain.notifications.tries import Answer
from app.usecases.fill_orders_table import fill_orders_table
from app.usecases.keep_orders_table import ROWS_MAX
from app.usecases.order_document import Document
from app.usecases.read_orders import ReadOrders
from tests.support.builders import event, session
from tests.support.recording import record


class PlayedTable:
    """Takes as many upserts as it is told, then refuses."""

    def __init__(self, takes: int) -> None:
        self.left = takes
        self.ids: list[str] = []

    async def upsert(self, orders: Sequence[Document]) -> Answer:
        self.left -= 1
        if self.left < 0:
            return Answer(status=409)
        self.ids += [order["id"] for order in orders]
        return Answer(status=201)


@pytest.fixture
async def orders(database: Any) -> ReadOrders:  # noqa: ANN401 either database
    """One more than fit into a page."""
    for number in range(ROWS_MAX + 1):
        subject = session(id=f"cs_test_{number}", payment_intent=f"pi_{number}")
        await record(database, event(subject=subject, id=f"evt_{number}"))
    return ReadOrders(database=database)


async def test_every_order_is_sent_once_until_the_table_refuses(orders: ReadOrders) -> None:
    whole, full = PlayedTable(takes=2), PlayedTable(takes=1)

    assert await fill_orders_table(orders, whole) == (ROWS_MAX + 1, None)
    assert await fill_orders_table(orders, full) == (ROWS_MAX, "answered 409")
    assert len(set(whole.ids)) == len(whole.ids) == ROWS_MAX + 1


async def test_without_orders_nothing_is_sent(database: Any) -> None:  # noqa: ANN401 as above
    table = PlayedTable(takes=0)

    assert await fill_orders_table(ReadOrders(database=database), table) == (0, None)
