"""A recovered checkout is one order, over the whole service."""

import pytest

from app.usecases.storage import Database
from tests.support.builders import (
    CHECKOUT_ID,
    SESSION_ID,
    event,
    session,
)
from tests.support.orders import OrderShop
from tests.support.recording import keep
from tests.support.whole_order import our_checkout

pytestmark = pytest.mark.anyio


async def test_a_recovered_order_is_one_order(shop: OrderShop, database: Database) -> None:
    await keep(database, our_checkout())
    expired = session(payment_status="unpaid", payment_intent=None)
    second = session(
        id="cs_test_second", recovered_from=SESSION_ID, success_url="https://shop.example/"
    )
    await shop.tell(event("checkout.session.expired", expired), event(id="evt_2", subject=second))

    for public_id in (CHECKOUT_ID, SESSION_ID, "cs_test_second"):
        order = await shop.order(public_id)
        assert (order["id"], order["session_id"], order["status"]) == (
            CHECKOUT_ID,
            "cs_test_second",
            "paid",
        )
    assert await shop.ids() == [CHECKOUT_ID]
    assert await shop.ids(status="paid") == [CHECKOUT_ID]
    assert await shop.ids(status="expired") == []


async def test_a_strangers_recovered_session_is_one_order(shop: OrderShop) -> None:
    other = "https://other.example/"
    expired = session(payment_status="unpaid", payment_intent=None, success_url=other)
    second = session(id="cs_test_second", recovered_from=SESSION_ID, success_url=other)
    await shop.tell(event("checkout.session.expired", expired), event(id="evt_2", subject=second))

    assert (await shop.order("cs_test_second"))["id"] == SESSION_ID
    assert await shop.ids() == [SESSION_ID]
    assert await shop.ids(status="paid") == [SESSION_ID]
