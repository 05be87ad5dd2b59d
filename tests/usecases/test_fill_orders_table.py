"""All orders are sent to the table, page by page, until it refuses one."""

from collections.abc import Sequence
from typing import Any

import pytest

from app.domain.notifications.tries import Answer
from app.usecases.fill_orders_table import Filling, fill_orders_table
from app.usecases.keep_orders_table import ROWS_MAX
from app.usecases.order_document import Document
from app.usecases.read_orders import ReadOrders
from tests.support.builders import event, session
from tests.support.recording import record


class PlayedTable:
    """Takes as many upserts as it is told, then refuses; and never takes one order."""

    def __init__(self, takes: int, *, never: str = "") -> None:
        self.left = takes
        self.never = never
        self.ids: list[str] = []

    async def upsert(self, orders: Sequence[Document]) -> Answer:
        self.left -= 1
        if self.left < 0:
            return Answer(status=503)
        if self.never in [order["id"] for order in orders]:
            return Answer(status=409)
        self.ids += [order["id"] for order in orders]
        return Answer(status=201)

    async def fits(self) -> bool:
        return True


@pytest.fixture
async def orders(database: Any) -> ReadOrders:  # noqa: ANN401 either database
    """One more than fit into a page."""
    for number in range(ROWS_MAX + 1):
        subject = session(id=f"cs_test_{number}", payment_intent=f"pi_{number}")
        await record(database, event(subject=subject, id=f"evt_{number}"))
    return ReadOrders(database=database)


async def test_every_order_is_sent_once_until_the_table_refuses(orders: ReadOrders) -> None:
    whole, full = PlayedTable(takes=2), PlayedTable(takes=1)

    assert await fill_orders_table(orders, whole) == Filling(sent=ROWS_MAX + 1)
    assert await fill_orders_table(orders, full) == Filling(sent=ROWS_MAX, problem="answered 503")
    assert len(set(whole.ids)) == len(whole.ids) == ROWS_MAX + 1


async def test_without_orders_nothing_is_sent(database: Any) -> None:  # noqa: ANN401 as above
    table = PlayedTable(takes=0)

    assert await fill_orders_table(ReadOrders(database=database), table) == Filling()


async def test_a_row_that_is_refused_stops_no_other(orders: ReadOrders) -> None:
    one_bad = PlayedTable(takes=1000, never="cs_test_7")
    ends_early = PlayedTable(takes=3, never="cs_test_7")

    assert await fill_orders_table(orders, one_bad) == Filling(
        sent=ROWS_MAX, refused=1, first_refused="cs_test_7: answered 409"
    )
    assert set(one_bad.ids) == {f"cs_test_{n}" for n in range(ROWS_MAX + 1) if n != 7}
    found = await fill_orders_table(orders, ends_early)
    assert (found.sent, found.problem) == (2, "answered 503")
