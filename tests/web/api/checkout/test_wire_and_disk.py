"""What a checkout sends to Altan Pay, and what it stores."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import orjson
import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.bootstrap import create_app
from tests.support.builders import (
    SESSION_ID,
    event,
    in_process,
    session,
    settings,
)
from tests.support.checkout_shop import (
    CART,
    LINE,
    SHOP,
    OpenShop,
    Shop,
    assert_problem,
    makes_pages,
    return_ids,
    started,
)
from tests.support.wire import (
    Connection,
    upstream,
)


async def test_altan_pay_gets_four_fields_and_no_more(shop: Shop) -> None:
    cart = {
        "line_items": [LINE, {"price": "price_B", "quantity": 1}, LINE],
        "mode": "subscription",
        "success_url": f"{SHOP}/thanks?a=1#x",
        "cancel_url": f"{SHOP}/Cart",
        "client_reference_id": "order-42",
    }

    started = (await shop.client.post("/checkout", json=cart)).json()

    (payload,) = shop.ordered()
    assert payload == {
        "success_url": f"{SHOP}/thanks?a=1&{return_ids(payload, started)}#x",
        "cancel_url": f"{SHOP}/Cart",
        "line_items": [
            {"price": "price_ABC123", "quantity": 4},
            {"price": "price_B", "quantity": 1},
        ],
        "mode": "subscription",
    }


async def test_nothing_that_the_browser_sent_reaches_altan_pay(shop: Shop) -> None:
    headers = {
        "Authorization": "Bearer private",
        "Cookie": "session=private",
        "Idempotency-Key": "private",
        "Stripe-Account": "acct_private",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "baggage": "a=private",
        "X-Forwarded-For": "203.0.113.9",
        "Forwarded": "for=203.0.113.9",
        "Referer": "https://shop.example/private",
        "User-Agent": "private",
        "X-Request-Id": "private-request-id",
    }

    await shop.client.post("/checkout", json=CART, headers=headers)

    (request,) = shop.altan_pay.requests
    assert set(request.headers) <= {
        "host",
        "content-type",
        "content-length",
        "accept",
        "accept-encoding",
        "connection",
        "user-agent",
    }
    assert b"private" not in request.head
    assert b"203.0.113.9" not in request.head


async def test_without_addresses_the_buyer_returns_to_the_shops_root(shop: Shop) -> None:
    started = (await shop.client.post("/checkout", json=CART)).json()

    (payload,) = shop.ordered()
    assert payload["cancel_url"] == SHOP
    assert payload["success_url"] == f"{SHOP}/?{return_ids(payload, started)}"


async def test_the_owners_own_addresses_take_the_roots_place(open_shop: OpenShop) -> None:
    changes = {"success_url": f"{SHOP}/danke", "cancel_url": "https://elsewhere.example/x"}

    async with open_shop(**changes) as shop:
        await shop.client.post("/checkout", json=CART)

        (payload,) = shop.ordered()
        assert payload["success_url"].startswith(f"{SHOP}/danke?session_id=")
        assert payload["cancel_url"] == "https://elsewhere.example/x"


@pytest.mark.parametrize("is_form", [False, True])
async def test_a_page_that_comes_back_to_where_it_is_gets_the_new_orders_ids(
    shop: Shop,
    is_form: bool,  # noqa: FBT001 a test's parameter
) -> None:
    here = f"{SHOP}/thanks?session_id=cs_test_old&a=%20&checkout_id=chk_old"
    router = "#/thanks?checkout_id=chk_old"
    form = {"price": "price_A", "quantity": "1", "success_url": here + router}

    if is_form:
        started = (await shop.client.post("/checkout", data=form)).json()
    else:
        cart = CART | {"success_url": here + router}
        started = (await shop.client.post("/checkout", json=cart)).json()

    (payload,) = shop.ordered()
    ids = return_ids(payload, started)
    without_key = ids.partition("&checkout_key=")[0]
    assert payload["success_url"] == f"{SHOP}/thanks?a=%20&{ids}#/thanks?{without_key}"


async def test_the_owners_own_address_may_name_our_ids_too(open_shop: OpenShop) -> None:
    address = f"{SHOP}/danke?checkout_id=&a=%7B&session_id=%7BCHECKOUT_SESSION_ID%7D"

    async with open_shop(success_url=address) as shop:
        started = (await shop.client.post("/checkout", json=CART)).json()

        (payload,) = shop.ordered()
        ids = return_ids(payload, started)
        assert payload["success_url"] == f"{SHOP}/danke?a=%7B&{ids}"


async def test_the_row_is_on_disk_before_the_answer_begins(database_path: Path) -> None:
    seen: list[tuple[int, int]] = []

    def peeking(app: ASGIApp, path: Path) -> ASGIApp:
        async def peek(scope: Scope, receive: Receive, send: Send) -> None:
            async def send_after_a_look(message: Message) -> None:
                if message["type"] == "http.response.start":
                    with closing(sqlite3.connect(path)) as connection:
                        (rows,) = connection.execute("SELECT count(*) FROM checkouts").fetchone()
                    seen.append((message["status"], rows))
                await send(message)

            await app(scope, receive, send_after_a_look if scope["type"] == "http" else send)

        return peek

    async with upstream(makes_pages()) as altan_pay:
        shop_settings = settings(database_path.parent, altan_pay_url=altan_pay.url)
        app = peeking(create_app(shop_settings), database_path)
        async with started(app), in_process(app) as client:
            await client.post("/checkout", json=CART)

    assert seen == [(303, 1)]


async def test_what_was_kept_is_what_was_asked_and_answered(shop: Shop) -> None:
    cart = CART | {"client_reference_id": "order-42"}

    started = (await shop.client.post("/checkout", json=cart)).json()

    (row,) = shop.rows()
    assert row["id"] == started["checkout_id"]
    assert row["session_id"] == started["session_id"]
    assert row["url"] == started["url"]
    assert row["client_reference_id"] == "order-42"
    assert orjson.loads(row["line_items"]) == [LINE]


async def test_a_database_that_fails_after_altan_pays_answer_gives_nothing_out(shop: Shop) -> None:
    with closing(sqlite3.connect(shop.service.database_path)) as connection:
        connection.execute("ALTER TABLE checkouts RENAME TO elsewhere")

    response = await shop.client.post("/checkout", json=CART)

    assert_problem(response, 503, "storage_unavailable")
    assert int(response.headers["retry-after"]) > 0
    assert "location" not in response.headers
    assert "cs_test" not in response.text
    assert "checkout.stripe.com" not in response.text
    assert len(shop.altan_pay.requests) == 1


async def test_a_stuck_upstream_delays_neither_webhooks_nor_the_status(
    open_shop: OpenShop,
) -> None:
    released = asyncio.Event()
    page = makes_pages()

    async def answers_when_released(connection: Connection) -> None:
        await released.wait()
        await page(connection)

    async with open_shop(answers_when_released, rate_limit_checkout="off") as shop:
        stuck = [
            asyncio.create_task(shop.client.post("/checkout", json=CART, timeout=60))
            for _ in range(50)
        ]
        await shop.altan_pay.wait_for_requests(50)
        webhook = await shop.service.deliver(event(subject=session()))
        status = await shop.client.get(f"/checkout/{SESSION_ID}")
        still_stuck = not any(task.done() for task in stuck)
        released.set()
        answers = await asyncio.gather(*stuck)

    assert still_stuck
    assert webhook.json()["outcome"] == "recorded"
    assert status.json()["status"] == "paid"
    assert {response.status_code for response in answers} == {303}
