"""GET /orders over the whole service, on both databases: filters, order, and pages."""

import itertools
from typing import Any

import pytest

from app.databases import AnyDatabase
from app.domain.checkout.cart import Cart, LineItem, Mode
from app.usecases.housekeeping import SETTLED_WITHIN_MS
from app.usecases.order_candidates import CANDIDATES_MAX
from app.usecases.records import Checkout
from app.usecases.storage import Database
from tests.support.builders import (
    NOW_S,
    Document,
    FixedClock,
    event,
    housekeeping,
    session,
)
from tests.support.orders import OrderShop, bearer
from tests.support.recording import NOW_MS, keep
from tests.support.stripe_objects import dispute

pytestmark = pytest.mark.anyio
OTHER = "https://other.example/"


def numbered(number: int, **changes: Any) -> Checkout:  # noqa: ANN401 any field
    """A checkout that was created `number` seconds after the first."""
    values: Document = {
        "id": f"chk_{number:036d}",
        "created_at_ms": NOW_MS + number * 1000,
        "cart": Cart((LineItem("price_A", 1),), Mode.PAYMENT),
        "client_reference_id": f"order-{number}",
        "success_url": "https://shop.example/",
        "cancel_url": "https://shop.example/",
        "url": "https://checkout.stripe.com/pay/x",
        "session_id": f"cs_test_{number}",
    }
    return Checkout(**(values | changes))


def paid(number: int, **changes: object) -> Document:
    subject = session(
        id=f"cs_test_{number}",
        payment_intent=f"pi_{number}",
        success_url=OTHER,
        created=NOW_S + number,
        **changes,
    )
    return event(id=f"evt_{number}", subject=subject)


async def test_orders_of_both_kinds_come_latest_first(shop: OrderShop, database: Database) -> None:
    await keep(database, numbered(1), numbered(3), numbered(5))
    await shop.tell(paid(2), paid(3), paid(4))

    assert await shop.ids() == [
        numbered(5).id,
        "cs_test_4",
        numbered(3).id,
        "cs_test_2",
        numbered(1).id,
    ]


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
async def test_pages_neither_skip_nor_repeat_while_orders_come_in(
    shop: OrderShop, database: Database, limit: int
) -> None:
    ties = [numbered(100 + n, created_at_ms=NOW_MS) for n in range(4)]
    await keep(database, *ties, *(numbered(n) for n in (1, 3, 5)))
    await shop.tell(
        paid(2), paid(3), paid(4), event(subject=session(success_url=OTHER, created=NOW_S))
    )
    expected = await shop.ids()
    assert len(expected) == 10

    found: list[str] = []
    cursor: Document = {}
    for new in itertools.count(200):
        page = await shop.page(limit=limit, **cursor)
        assert len(page["orders"]) <= limit
        found += [order["id"] for order in page["orders"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
        await keep(database, numbered(new))
        await shop.tell(paid(new + 1000))

    assert found == expected


async def test_a_full_last_page_has_no_cursor(shop: OrderShop, database: Database) -> None:
    await keep(database, numbered(1), numbered(2))

    assert (await shop.page(limit=2))["next_cursor"] is None
    assert (await shop.page(limit=1))["next_cursor"] is not None


async def test_an_empty_shop_has_an_empty_page(shop: OrderShop) -> None:
    assert await shop.page() == {"orders": [], "next_cursor": None}
    assert await shop.page(flagged="true") == {"orders": [], "next_cursor": None}


@pytest.mark.parametrize(
    ("filters", "numbers"),
    [
        ({"client_reference_id": "order-2"}, [2]),
        ({"client_reference_id": "order-9"}, []),
        ({"client_reference_id": "theirs"}, [4]),
        ({"status": "paid"}, [4, 3]),
        ({"status": "open"}, [2, 1]),
        ({"status": ["paid", "open"]}, [4, 3, 2, 1]),
        ({"status": ["disputed", "open"]}, [2, 1]),
        ({"status": "disputed"}, []),
        ({"status": "paid", "client_reference_id": "order-2"}, []),
        ({"status": "paid", "client_reference_id": "order-3"}, [3]),
        ({"created_gte": "2025-10-09T08:53:22Z"}, [4, 3, 2]),
        ({"created_lt": "2025-10-09T08:53:22Z"}, [1]),
        ({"status": "paid", "created_lt": "2025-10-09T10:53:24+02:00"}, [3]),
        ({"flagged": "false", "status": "paid"}, [4, 3]),
        ({"flagged": "true"}, []),
    ],
)
async def test_each_filter_lets_just_its_orders_through(
    shop: OrderShop, database: Database, filters: Document, numbers: list[int]
) -> None:
    await keep(database, numbered(1), numbered(2), numbered(3))
    await shop.tell(paid(3), paid(4, client_reference_id="theirs"))

    ids = {4: "cs_test_4"}
    assert await shop.ids(**filters) == [ids.get(n, numbered(n).id) for n in numbers]
    paged: list[str] = []
    cursor: Document = {}
    while True:
        page = await shop.page(limit=1, **filters, **cursor)
        paged += [order["id"] for order in page["orders"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert paged == [ids.get(n, numbered(n).id) for n in numbers]


async def test_open_orders_are_listed_after_the_others_were_marked(
    shop: OrderShop, database: AnyDatabase
) -> None:
    await keep(database, numbered(1), numbered(2), numbered(3))
    await shop.tell(paid(2))
    keeping = housekeeping(database, FixedClock(NOW_MS + 5000))

    assert (await keeping(), await keeping()) == (2, 0)  # the checkout, and its payment

    assert shop.sql("SELECT count(*) AS n FROM checkouts WHERE has_outcome") == [{"n": 1}]
    assert await shop.ids(status="open") == [numbered(3).id, numbered(1).id]


async def test_an_order_that_is_open_again_is_listed_as_open(
    shop: OrderShop, database: AnyDatabase
) -> None:
    await keep(database, numbered(1))
    await shop.tell(paid(1))
    keeping = housekeeping(database, FixedClock(NOW_MS + 5000))
    await keeping()
    shop.sql("UPDATE payments SET status = 'open', facts = '{}'")  # as a repair may

    await keeping()

    assert await shop.ids(status="open") == [numbered(1).id]


async def test_a_checkout_that_is_too_old_to_be_marked_is_not_listed_as_open_either(
    shop: OrderShop, database: AnyDatabase
) -> None:
    await keep(database, numbered(1))
    await shop.tell(paid(1))

    settled = await housekeeping(database, FixedClock(NOW_MS + 1001 + SETTLED_WITHIN_MS))()

    assert settled == 1  # that there was an attempt, which has no limit
    assert await shop.ids(status="open") == []


async def test_a_flagged_order_is_found_among_more_than_are_read_at_once(
    shop: OrderShop, database: AnyDatabase
) -> None:
    await keep(database, numbered(1))
    numbers = f"SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i <= {CANDIDATES_MAX}"  # noqa: S608 ours
    shop.sql(
        "INSERT INTO payments (session_id, status, facts, updated_at_ms, created_at_ms, flagged)"  # noqa: S608 ours
        f" WITH RECURSIVE n (i) AS ({numbers})"
        " SELECT 'cs_seen_' || CAST(i AS text), 'paid', '{}',"
        f" {NOW_MS}, {NOW_MS} + CAST(i AS bigint), true FROM n"
    )
    await shop.tell(
        paid(1), event("charge.dispute.created", dispute(payment_intent="pi_1"), id="evt_d")
    )

    assert await shop.ids(flagged="true") == [numbered(1).id]


async def test_a_page_shows_what_one_order_shows(shop: OrderShop, database: Database) -> None:
    await keep(database, numbered(3))
    await shop.tell(paid(3, customer_details={"email": "ana@example.com"}))

    (order,) = (await shop.page())["orders"]

    assert order["customer"]["email"] == "ana@example.com"
    assert order == await shop.order("cs_test_3")


async def test_a_cursor_belongs_to_its_filters(shop: OrderShop, database: Database) -> None:
    await keep(database, numbered(1), numbered(2))
    cursor = (await shop.page(limit=1))["next_cursor"]

    answer = await shop.service.client.get(
        "/orders", params={"cursor": cursor, "status": "paid"}, headers=bearer()
    )

    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid_query"
    assert [fault["parameter"] for fault in answer.json()["errors"]] == ["cursor"]


async def test_every_wrong_parameter_is_named(shop: OrderShop) -> None:
    answer = await shop.get("/orders?limit=0&status=payed&status=paid&color=red&flagged=1&cursor=!")

    assert answer.status_code == 422
    assert [fault["parameter"] for fault in answer.json()["errors"]] == [
        "status",
        "flagged",
        "limit",
        "cursor",
        "color",
    ]
    assert answer.headers["Cache-Control"] == "no-store"


async def test_ten_megabytes_of_query_are_refused(shop: OrderShop) -> None:
    import asyncio  # noqa: PLC0415

    reader, writer = await asyncio.open_connection(*shop.service.address)
    try:
        writer.write(b"GET /orders?cursor=" + b"x" * (10 * 1024 * 1024))
        first = await reader.read(64)
    except ConnectionError:
        first = b"HTTP/1.1 400"
    finally:
        writer.close()

    assert first.split()[1] in {b"400", b"431"}
