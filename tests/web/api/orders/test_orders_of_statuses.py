"""Lists of some statuses have the same orders as the whole list, however few are marked so far."""

from collections.abc import Collection, Sequence

import pytest

from app.databases import AnyDatabase
from app.domain.payments.status import PaymentStatus
from app.usecases import order_candidates
from app.usecases.records import Checkout
from tests.support.builders import NOW_S, Document, FixedClock, event, housekeeping, session
from tests.support.orders import OrderShop
from tests.support.recording import NOW_MS, keep
from tests.support.stripe_objects import refund
from tests.web.api.orders.test_orders_list import OTHER, numbered, paid

pytestmark = pytest.mark.anyio
FILTERS: Sequence[Collection[str]] = [
    *({status} for status in PaymentStatus),
    {"paid", "refunded", "partially_refunded"},
    {"open", "paid"},
    {"open", "expired", "paid"},
    {"expired", "processing"},
]


@pytest.fixture(autouse=True)
def _no_list_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_candidates, "CANDIDATES_MAX", 0)


def expired(number: int, **changes: object) -> Document:
    unpaid = {"status": "expired", "payment_status": "unpaid", "payment_intent": None}
    subject = session(
        id=f"cs_test_{number}", success_url=OTHER, created=NOW_S + number, **(unpaid | changes)
    )
    return event("checkout.session.expired", subject, id=f"evt_expired_{number}")


def pending(number: int) -> Document:
    return paid(number, payment_status="unpaid")


def paid_for(checkout: Checkout) -> Document:
    subject = session(
        id="cs_test_unknown",
        success_url=f"https://shop.example/?checkout_id={checkout.id}",
        payment_intent="pi_unknown",
    )
    return event(id="evt_unknown", subject=subject)


async def assert_lists_agree(shop: OrderShop) -> None:
    everything = (await shop.page(limit=100))["orders"]
    for filters in FILTERS:
        for more in ({}, {"client_reference_id": "X"}, {"flagged": "false"}):
            expected = [
                order["id"]
                for order in everything
                if order["status"] in filters
                and more.get("client_reference_id") in (None, order["client_reference_id"])
                and ("flagged" not in more or not order["flags"])
            ]
            assert await paged(shop, status=sorted(filters), **more) == expected, (filters, more)


async def paged(shop: OrderShop, **filters: object) -> list[str]:
    found: list[str] = []
    cursor: Document = {}
    while True:
        page = await shop.page(limit=2, **filters, **cursor)
        found += [order["id"] for order in page["orders"]]
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}


async def test_lists_of_statuses_agree_with_the_whole_list_before_and_after_marks(
    shop: OrderShop, database: AnyDatabase
) -> None:
    keeping = housekeeping(database, FixedClock(NOW_MS + 5000))
    await keep(database, *(numbered(n, client_reference_id="X") for n in range(1, 9)))
    unknown = numbered(9, client_reference_id="X", session_id=None)
    await keep(database, unknown, numbered(10, client_reference_id=None))
    await shop.tell(
        paid(1),
        expired(2),
        pending(3),
        expired(4),
        paid(44, recovered_from="cs_test_4"),
        paid_for(unknown),
        paid(10),
        paid(20, client_reference_id="X"),
        expired(21, client_reference_id="X"),
        expired(22, client_reference_id="X"),
        paid(222, recovered_from="cs_test_22"),
    )
    await assert_lists_agree(shop)
    assert set(await paged(shop, status="paid")) == {
        *(numbered(n).id for n in (1, 4, 9, 10)),
        *("cs_test_20", "cs_test_22"),
    }

    await keeping()
    assert shop.sql("SELECT count(*) AS n FROM checkouts WHERE has_attempt") == [{"n": 3}]
    await assert_lists_agree(shop)

    await shop.tell(
        event("refund.created", refund(payment_intent="pi_1"), id="evt_refund"),
        paid(2),
        paid(5),
        event("checkout.session.async_payment_failed", pending(3)["data"]["object"], id="evt_f"),
        paid(66, recovered_from="cs_test_6"),
        expired(6),
    )
    await assert_lists_agree(shop)

    await keeping()
    await assert_lists_agree(shop)


async def test_a_checkout_that_is_stored_after_its_payment_was_noted_is_marked(
    shop: OrderShop, database: AnyDatabase
) -> None:
    keeping = housekeeping(database, FixedClock(NOW_MS + 5000))
    await shop.tell(paid(1))
    await keeping()
    await keep(database, numbered(1))

    await keeping()

    assert await paged(shop, status="paid") == [numbered(1).id]
