"""The flags of an order, over the whole service."""

import pytest

from app.domain.checkout.cart import Cart, LineItem, Mode
from app.usecases.storage import Database
from tests.support.builders import (
    CHECKOUT_ID,
    SESSION_ID,
    Document,
    event,
    session,
)
from tests.support.orders import OrderShop
from tests.support.readings import EXPIRED
from tests.support.recording import NOW_MS, checkout, keep
from tests.support.stripe_objects import (
    charge,
    fraud_warning,
    payment_intent,
    review,
)
from tests.support.whole_order import our_checkout

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("flag", "documents"),
    [
        (
            "fraud_warning",
            [event("radar.early_fraud_warning.created", fraud_warning(), id="evt_w")],
        ),
        ("review", [event("review.opened", review(), id="evt_v")]),
        ("contradicted", [event(EXPIRED, session(payment_status="unpaid"), id="evt_x")]),
        (
            "event_failed",
            [event("charge.updated", charge(amount_refunded="unheard of"), id="evt_odd")],
        ),
    ],
)
async def test_what_needs_a_person_is_a_flag(
    shop: OrderShop, flag: str, documents: list[Document]
) -> None:
    await shop.tell(event(), event("payment_intent.succeeded", payment_intent(), id="evt_pi"))
    before = await shop.order()
    await shop.tell(*documents)

    after = await shop.order()
    assert (before["flags"], after["flags"]) == ([], [flag])
    assert after["version"] > before["version"]
    assert await shop.ids(flagged="true") == [SESSION_ID]
    assert await shop.ids(flagged="false") == []


async def test_a_price_that_differs_from_the_catalog_is_a_flag(
    shop: OrderShop, database: Database
) -> None:
    from app.domain.money import ExpectedSubtotal  # noqa: PLC0415

    await keep(database, checkout(expected=ExpectedSubtotal(amount_minor=1, currency="eur")))
    await shop.tell(event(subject=session(amount_subtotal=1999)))

    assert (await shop.order())["flags"] == ["price_mismatch"]
    assert await shop.ids(flagged="true") == [CHECKOUT_ID]


TWIN_ID = "chk_" + "1" * 36


async def test_two_paid_orders_of_one_number_and_cart_are_flagged_both(
    shop: OrderShop, database: Database
) -> None:
    await keep(database, our_checkout(), our_checkout(id=TWIN_ID, session_id="cs_test_twin"))
    await shop.tell(event())
    first = await shop.order(CHECKOUT_ID)
    assert first["flags"] == []

    twin = session(id="cs_test_twin", payment_intent="pi_2", success_url="https://shop.example/")
    await shop.tell(event(id="evt_2", subject=twin))

    again = await shop.order(CHECKOUT_ID)
    assert again["flags"] == (await shop.order(TWIN_ID))["flags"] == ["paid_twice"]
    assert again["version"] > first["version"]
    assert sorted(await shop.ids(flagged="true")) == sorted([CHECKOUT_ID, TWIN_ID])
    assert await shop.ids(flagged="false") == []


@pytest.mark.parametrize(
    "changes",
    [
        {"client_reference_id": "order-43"},
        {"created_at_ms": NOW_MS + 24 * 3_600_000 + 1},
        {"cart": Cart((LineItem("price_A", 2),), Mode.PAYMENT)},
        {"cart": Cart((LineItem("price_A", 2), LineItem("price_B", 1)), Mode.SUBSCRIPTION)},
    ],
)
async def test_other_orders_are_no_second_payment(
    shop: OrderShop, database: Database, changes: Document
) -> None:
    await keep(
        database, our_checkout(), our_checkout(id=TWIN_ID, session_id="cs_test_twin", **changes)
    )
    twin = session(id="cs_test_twin", payment_intent="pi_2", success_url="https://shop.example/")
    await shop.tell(event(), event(id="evt_2", subject=twin))

    assert (await shop.order(CHECKOUT_ID))["flags"] == []
    assert (await shop.order(TWIN_ID))["flags"] == []
