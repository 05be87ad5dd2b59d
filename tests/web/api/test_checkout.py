import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from dataclasses import dataclass
from html.parser import HTMLParser
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import orjson
import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.bootstrap import create_app
from tests.support.builders import (
    SESSION_ID,
    Service,
    event,
    in_process,
    running_service,
    session,
    settings,
)
from tests.support.wire import (
    Connection,
    Script,
    Upstream,
    answer,
    hangs,
    resets,
    says_and_closes,
    upstream,
)

LINE = {"price": "price_ABC123", "quantity": 2}
CART: dict[str, object] = {"line_items": [LINE]}
PROBLEM_KEYS = {"type", "title", "status", "detail", "code", "request_id"}
NAVIGATION = {
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Sec-Fetch-Mode": "navigate",
}
SHOP = "https://shop.example"
EVIL = "https://evil.example"
BODY_BYTES_MAX = 64 * 1024


@dataclass(frozen=True, slots=True)
class Shop:
    """The whole service on a socket, its file, and the Altan Pay that it calls."""

    service: Service
    altan_pay: Upstream

    @property
    def client(self) -> httpx.AsyncClient:
        return self.service.client

    def rows(self) -> list[dict[str, Any]]:
        with closing(sqlite3.connect(self.service.database_path)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute("SELECT * FROM checkouts ORDER BY id")]

    def ordered(self) -> list[Any]:
        """The payloads that Altan Pay was sent."""
        return [orjson.loads(request.body)["payload"] for request in self.altan_pay.requests]


OpenShop = Callable[..., AbstractAsyncContextManager[Shop]]


def makes_pages() -> Script:
    """Altan Pay at its best: every call gets a session of its own."""
    numbers: Iterator[int] = count(1)

    async def script(connection: Connection) -> None:
        url = f"https://checkout.stripe.com/c/pay/cs_test_{next(numbers)}#fid"
        await connection.send(answer(orjson.dumps({"url": url})))

    return script


@pytest.fixture
def open_shop(database_path: Path) -> OpenShop:
    """The service in this process: between it and the client lies no socket, all else is real."""

    @asynccontextmanager
    async def open_(*scripts: Script | bytes, **changes: object) -> AsyncIterator[Shop]:
        async with upstream(*(scripts or (makes_pages(),))) as altan_pay:
            folder = database_path.parent
            app = create_app(settings(folder, altan_pay_url=altan_pay.url, **changes))
            async with started(app), in_process(app) as client:
                yield Shop(Service(client, database_path), altan_pay)

    return open_


@asynccontextmanager
async def started(app: ASGIApp) -> AsyncIterator[None]:
    """What a server does with an application before the first request and after the last."""
    to_app: asyncio.Queue[Message] = asyncio.Queue()
    from_app: asyncio.Queue[Message] = asyncio.Queue()
    scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
    task = asyncio.create_task(_as_coroutine(app, scope, to_app.get, from_app.put))
    await to_app.put({"type": "lifespan.startup"})
    assert (await from_app.get())["type"] == "lifespan.startup.complete"
    yield
    await to_app.put({"type": "lifespan.shutdown"})
    assert (await from_app.get())["type"] == "lifespan.shutdown.complete"
    await task


async def _as_coroutine(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    await app(scope, receive, send)


@pytest.fixture
async def shop_on_a_socket(database_path: Path) -> AsyncIterator[Shop]:
    async with upstream(makes_pages()) as altan_pay:
        shop_settings = settings(database_path.parent, altan_pay_url=altan_pay.url)
        async with running_service(shop_settings) as service:
            yield Shop(service, altan_pay)


@pytest.fixture
async def shop(open_shop: OpenShop) -> AsyncIterator[Shop]:
    async with open_shop() as shop:
        yield shop


async def post_form(
    shop: Shop, *pairs: tuple[str, str], headers: dict[str, str] | None = None
) -> httpx.Response:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    return await shop.client.post(
        "/checkout", content=urlencode(pairs), headers=form | (headers or {})
    )


def assert_problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The answer is this problem, complete and readable by a program."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    problem: dict[str, Any] = response.json()
    assert problem.keys() - {"errors"} == PROBLEM_KEYS
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["type"].endswith(code)
    assert problem["request_id"] == response.headers["x-request-id"]
    assert problem["title"]
    assert problem["detail"]
    return problem


def pointers(problem: dict[str, Any]) -> list[str]:
    assert all(error.keys() == {"pointer", "detail"} for error in problem["errors"])
    return [error["pointer"] for error in problem["errors"]]


# The answer


async def test_a_cart_becomes_a_redirect_to_the_payment_page(shop: Shop) -> None:
    response = await shop.client.post("/checkout", json=CART)

    assert response.status_code == 303
    assert response.headers["location"] == "https://checkout.stripe.com/c/pay/cs_test_1#fid"
    assert response.headers["cache-control"] == "no-store"
    assert {"Accept", "Sec-Fetch-Mode"} <= set(response.headers["vary"].split(", "))
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert body == {
        "checkout_id": body["checkout_id"],
        "url": "https://checkout.stripe.com/c/pay/cs_test_1#fid",
        "session_id": "cs_test_1",
        "status_url": f"/checkout/{body['checkout_id']}",
    }
    assert re.fullmatch(r"chk_[0-9a-v]{36}", body["checkout_id"])


async def test_the_status_url_leads_to_an_open_payment(shop: Shop) -> None:
    started = (await shop.client.post("/checkout", json=CART)).json()

    by_id = await shop.client.get(started["status_url"])
    by_session = await shop.client.get(f"/checkout/{started['session_id']}")

    assert by_id.json()["status"] == "open"
    assert by_id.json()["checkout_id"] == started["checkout_id"]
    assert by_session.json() == by_id.json()


async def test_a_script_gets_the_same_body_without_a_redirect(shop: Shop) -> None:
    response = await shop.client.post(
        "/checkout", json=CART, headers={"Sec-Fetch-Mode": "cors", "Accept": "*/*"}
    )

    assert response.status_code == 200
    assert "location" not in response.headers
    assert response.headers["cache-control"] == "no-store"
    assert {"Accept", "Sec-Fetch-Mode"} <= set(response.headers["vary"].split(", "))
    assert response.json().keys() == {"checkout_id", "url", "session_id", "status_url"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Accept": "*/*"}, 303),
        ({"Accept": ""}, 303),
        ({"Accept": "application/json"}, 200),
        ({"Accept": "text/html"}, 303),
        ({"Accept": "application/json, text/html"}, 303),
        ({"Accept": "application/json;q=0.9, text/html"}, 303),
        ({"Accept": "application/json, text/html;q=0.9"}, 200),
        (NAVIGATION, 303),
        (NAVIGATION | {"Accept": "application/json"}, 200),
        ({"Sec-Fetch-Mode": "navigate", "Accept": "*/*"}, 303),
        ({"Sec-Fetch-Mode": "cors", "Accept": "text/html"}, 200),
        ({"Sec-Fetch-Mode": "same-origin", "Accept": "*/*"}, 200),
        ({"Sec-Fetch-Mode": "no-cors", "Accept": "*/*"}, 200),
    ],
    ids=str,
)
async def test_who_asks_decides_between_a_redirect_and_data(
    shop: Shop, headers: dict[str, str], status: int
) -> None:
    response = await shop.client.post("/checkout", json=CART, headers=headers)

    assert response.status_code == status
    assert ("location" in response.headers) == (status == 303)


async def test_a_page_without_a_session_id_is_answered_with_null(open_shop: OpenShop) -> None:
    page = answer(orjson.dumps({"url": "https://checkout.stripe.com/pay/x"}))

    async with open_shop(page) as shop:
        first = await shop.client.post("/checkout", json=CART)
        second = await shop.client.post("/checkout", json=CART)

    assert first.json()["session_id"] is None
    assert second.status_code == 303


async def test_an_upstream_that_repeats_itself_still_sells(open_shop: OpenShop) -> None:
    page = answer(orjson.dumps({"url": "https://checkout.stripe.com/c/pay/cs_test_same"}))

    async with open_shop(page) as shop:
        first = await shop.client.post("/checkout", json=CART)
        second = await shop.client.post("/checkout", json=CART)

    assert (first.status_code, second.status_code) == (303, 303)


async def test_two_checkouts_have_different_ids_that_sort_by_time(shop: Shop) -> None:
    for _ in range(20):
        await shop.client.post("/checkout", json=CART)

    rows = shop.rows()
    assert len({row["id"] for row in rows}) == 20
    assert len({row["id"][16:] for row in rows}) == 20  # not by their times alone
    times_ms = [row["created_at_ms"] for row in rows]  # in the order of the ids
    assert times_ms == sorted(times_ms)
    assert len(set(times_ms)) > 1


# The wire and the disk


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
        "success_url": f"{SHOP}/thanks?a=1&session_id={{CHECKOUT_SESSION_ID}}"
        f"&checkout_id={started['checkout_id']}#x",
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
    assert payload["success_url"] == (
        f"{SHOP}/?session_id={{CHECKOUT_SESSION_ID}}&checkout_id={started['checkout_id']}"
    )


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

    ids = f"session_id={{CHECKOUT_SESSION_ID}}&checkout_id={started['checkout_id']}"
    (payload,) = shop.ordered()
    assert payload["success_url"] == f"{SHOP}/thanks?a=%20&{ids}#/thanks?{ids}"


async def test_the_owners_own_address_may_name_our_ids_too(open_shop: OpenShop) -> None:
    address = f"{SHOP}/danke?checkout_id=&a=%7B&session_id=%7BCHECKOUT_SESSION_ID%7D"

    async with open_shop(success_url=address) as shop:
        started = (await shop.client.post("/checkout", json=CART)).json()

        ids = f"session_id={{CHECKOUT_SESSION_ID}}&checkout_id={started['checkout_id']}"
        (payload,) = shop.ordered()
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


# Carts


async def test_the_envelope_of_altan_pays_own_call_is_taken_too(shop: Shop) -> None:
    cart = CART | {"success_url": f"{SHOP}/ok", "cancel_url": f"{SHOP}/no", "mode": "payment"}

    response = await shop.client.post("/checkout", json={"payload": cart})

    assert response.status_code == 303
    assert shop.ordered()[0]["cancel_url"] == f"{SHOP}/no"


@pytest.mark.parametrize(
    ("cart", "where"),
    [
        ({"line_items": []}, ["/line_items"]),
        ({"line_items": [{"price": "price_A", "quantity": "2"}]}, ["/line_items/0/quantity"]),
        ({"line_items": [{"price": "price_A", "quantity": 2.0}]}, ["/line_items/0/quantity"]),
        ({"line_items": [{"price": "price_A", "quantity": True}]}, ["/line_items/0/quantity"]),
        ({"line_items": [{"price": "price_A", "quantity": 10**30}]}, ["/line_items/0/quantity"]),
        (
            {"line_items": [LINE, {"price": "x", "quantity": 0}]},
            [
                "/line_items/1/price",
                "/line_items/1/quantity",
            ],
        ),
        (CART | {"a/b": 1}, ["/a~1b"]),
        (CART | {"client_reference_id": ""}, ["/client_reference_id"]),
        (
            {"payload": {"line_items": [{}]}},
            [
                "/payload/line_items/0/price",
                "/payload/line_items/0/quantity",
            ],
        ),
        ([], [""]),
        ("price_A", [""]),
    ],
    ids=str,
)
async def test_a_cart_with_faults_is_refused_with_a_pointer_to_each(
    shop: Shop, cart: object, where: list[str]
) -> None:
    response = await shop.client.post("/checkout", json=cart)

    assert pointers(assert_problem(response, 422, "invalid_cart")) == where
    assert shop.altan_pay.requests == []


async def test_max_quantity_is_the_owners_limit(open_shop: OpenShop) -> None:
    async with open_shop(max_quantity=3) as shop:
        three = await shop.client.post(
            "/checkout", json={"line_items": [{"price": "price_A", "quantity": 3}]}
        )
        four = await shop.client.post(
            "/checkout", json={"line_items": [{"price": "price_A", "quantity": 4}]}
        )

    assert three.status_code == 303
    assert pointers(assert_problem(four, 422, "invalid_cart")) == ["/line_items/0/quantity"]


@pytest.mark.parametrize(
    "url",
    [
        EVIL,
        "//shop.example/",
        "https://shop.example@evil.example/",
        "javascript:alert(1)",
        "https://shop.example\\@evil.example",
        "http\N{LATIN SMALL LETTER LONG S}://shop.example/",
        "https://shop.example/\r\nSet-Cookie: a=b",
        "",
    ],
    ids=ascii,
)
async def test_a_return_address_elsewhere_is_refused_with_a_pointer(shop: Shop, url: str) -> None:
    for name in ("success_url", "cancel_url"):
        cart = CART | {name: url}

        in_a_cart = await shop.client.post("/checkout", json=cart)
        in_an_envelope = await shop.client.post("/checkout", json={"payload": cart})

        for response, at in ((in_a_cart, ""), (in_an_envelope, "/payload")):
            problem = assert_problem(response, 422, "redirect_not_allowed")
            assert pointers(problem) == [f"{at}/{name}"]
    assert shop.altan_pay.requests == []


# Forms


async def test_a_plain_form_is_a_cart_whose_pairs_stay_in_order(shop: Shop) -> None:
    response = await post_form(
        shop,
        ("price", "price_A"),
        ("quantity", "2"),
        ("price", "price_B"),
        ("quantity", "1"),
        ("mode", "subscription"),
        ("success_url", f"{SHOP}/ok?a=b"),
        ("cancel_url", f"{SHOP}/no"),
        ("client_reference_id", "order-42"),
        ("idempotency_key", "any key"),
        headers=NAVIGATION,
    )

    assert response.status_code == 303
    (payload,) = shop.ordered()
    assert payload["line_items"] == [
        {"price": "price_A", "quantity": 2},
        {"price": "price_B", "quantity": 1},
    ]
    assert payload["mode"] == "subscription"
    assert payload["cancel_url"] == f"{SHOP}/no"
    assert shop.rows()[0]["client_reference_id"] == "order-42"


async def test_prices_and_quantities_may_stand_in_columns(shop: Shop) -> None:
    await post_form(
        shop, ("price", "price_A"), ("price", "price_B"), ("quantity", "2"), ("quantity", "1")
    )

    assert shop.ordered()[0]["line_items"] == [
        {"price": "price_A", "quantity": 2},
        {"price": "price_B", "quantity": 1},
    ]


async def test_a_field_left_empty_is_absent(shop: Shop) -> None:
    response = await post_form(
        shop,
        ("price", "price_A"),
        ("quantity", "1"),
        ("mode", ""),
        ("success_url", ""),
        ("cancel_url", ""),
        ("client_reference_id", ""),
        ("idempotency_key", ""),
    )

    assert response.status_code == 303
    assert shop.ordered()[0]["mode"] == "payment"
    assert shop.rows()[0]["client_reference_id"] is None


@pytest.mark.parametrize(
    "content_type",
    [
        "application/x-www-form-urlencoded; charset=UTF-8",
        "Application/X-WWW-Form-Urlencoded",
        "application/x-www-form-urlencoded ; charset=utf-8",
    ],
)
async def test_a_form_is_known_whatever_its_charset_parameter(
    shop: Shop, content_type: str
) -> None:
    response = await shop.client.post(
        "/checkout",
        content="price=price_A&quantity=1",
        headers={"Content-Type": content_type},
    )

    assert response.status_code == 303


@pytest.mark.parametrize(
    ("pairs", "where"),
    [
        ([], ["/line_items"]),
        ([("price", "price_A")], ["/line_items/0/quantity"]),
        ([("quantity", "1")], ["/line_items/0/price"]),
        ([("price", "price_A"), ("quantity", "1"), ("quantity", "2")], ["/line_items/1/price"]),
        ([("price", ""), ("quantity", "")], ["/line_items/0/price", "/line_items/0/quantity"]),
        *[
            ([("price", "price_A"), ("quantity", bad)], ["/line_items/0/quantity"])
            for bad in ("", "0", "-1", "+1", "1.0", "1e2", " 1", "1_0", "two", "1000", "9" * 5000)
        ],
        (
            [("price", "price_A"), ("quantity", "\N{ARABIC-INDIC DIGIT TWO}")],
            ["/line_items/0/quantity"],
        ),
        ([("price", "price_A"), ("quantity", "1"), ("mode", "setup")], ["/mode"]),
        ([("price", "price_A"), ("quantity", "1"), ("coupon", "x")], ["/coupon"]),
        ([("price", "price_A"), ("quantity", "1"), ("coupon", "")], ["/coupon"]),
        ([("price", "price_A"), ("quantity", "1"), ("payload", "{}")], ["/payload"]),
        ([("price", "price_A"), ("quantity", "1"), ("line_items", "[]")], ["/line_items"]),
        (
            [("price", "price_A"), ("quantity", "1"), ("mode", "payment"), ("mode", "payment")],
            ["/mode"],
        ),
        (
            [("price", "price_A"), ("quantity", "1"), ("cancel_url", ""), ("cancel_url", SHOP)],
            ["/cancel_url"],
        ),
        (
            [("price", "price_A"), ("quantity", "600"), ("price", "price_A"), ("quantity", "600")],
            ["/line_items/1/quantity"],
        ),
    ],
    ids=lambda value: str(value)[:60],
)
async def test_a_form_with_faults_is_refused_as_the_same_json_would_be(
    shop: Shop, pairs: list[tuple[str, str]], where: list[str]
) -> None:
    response = await post_form(shop, *pairs)

    assert pointers(assert_problem(response, 422, "invalid_cart")) == where
    assert shop.altan_pay.requests == []


async def test_leading_zeros_in_a_form_do_not_matter(shop: Shop) -> None:
    await post_form(shop, ("price", "price_A"), ("quantity", "007"))

    assert shop.ordered()[0]["line_items"] == [{"price": "price_A", "quantity": 7}]


@pytest.mark.parametrize("body", [b"price=%FF&quantity=1", b"price=\xff", b"%C3%28=1"])
async def test_a_form_that_is_not_utf8_is_refused(shop: Shop, body: bytes) -> None:
    response = await shop.client.post(
        "/checkout", content=body, headers={"Content-Type": "application/x-www-form-urlencoded"}
    )

    assert_problem(response, 400, "invalid_json")


# Bodies


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "application/xml",
        "multipart/form-data; boundary=x",
        "application/jsonp",
        "text/plain; application/json",
        "application/*",
        "\xff",
    ],
)
async def test_a_body_of_another_kind_is_refused(shop: Shop, content_type: str | None) -> None:
    headers = {} if content_type is None else {b"Content-Type": content_type.encode("latin-1")}

    response = await shop.client.post("/checkout", content=orjson.dumps(CART), headers=headers)

    assert_problem(response, 415, "unsupported_media_type")


@pytest.mark.parametrize(
    "content_type", ["application/json; charset=utf-8", "APPLICATION/JSON", "application/json ;"]
)
async def test_json_is_known_whatever_its_parameters(shop: Shop, content_type: str) -> None:
    response = await shop.client.post(
        "/checkout", content=orjson.dumps(CART), headers={"Content-Type": content_type}
    )

    assert response.status_code == 303


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{'line_items': []}",
        b'{"line_items": [1,]}',
        b'{"quantity": NaN}',
        b'{"a": 01}',
        b"\xef\xbb\xbf{}",
        b'{"a": "\xff"}',
        '{"line_items": []}'.encode("utf-16"),
        b'"\\ud800"',
        b"[" * 60_000,
        b'{"a":' * 10_000,
        b"{} {}",
        b"\x00",
    ],
    ids=lambda body: ascii(body[:30]),
)
async def test_what_is_not_json_in_utf8_is_refused(shop: Shop, body: bytes) -> None:
    response = await shop.client.post(
        "/checkout", content=body, headers={"Content-Type": "application/json"}
    )

    assert_problem(response, 400, "invalid_json")


async def test_a_body_of_64_kib_is_read_and_one_byte_more_is_not(shop_on_a_socket: Shop) -> None:
    shop = shop_on_a_socket
    headers = {"Content-Type": "application/json"}
    body = orjson.dumps(CART).ljust(BODY_BYTES_MAX)

    async def in_chunks(data: bytes) -> AsyncIterator[bytes]:
        for start in range(0, len(data), 8000):
            yield data[start : start + 8000]

    for content in (body, in_chunks(body)):
        response = await shop.client.post("/checkout", content=content, headers=headers)
        assert response.status_code == 303
    for content in (body + b" ", in_chunks(body + b" "), b" " * 5_000_000):
        response = await shop.client.post("/checkout", content=content, headers=headers)
        assert_problem(response, 413, "body_too_large")
        assert response.headers["connection"] == "close"


async def test_a_length_that_is_only_declared_is_refused_before_the_body_comes(
    shop_on_a_socket: Shop,
) -> None:
    reader, writer = await asyncio.open_connection(*shop_on_a_socket.service.address)
    writer.write(
        b"POST /checkout HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Content-Length: 70000\r\nExpect: 100-continue\r\n\r\n"
    )

    async with asyncio.timeout(60):
        response = await reader.read()
    writer.close()

    assert response.startswith(b"HTTP/1.1 413 ")
    assert b"100 Continue" not in response


# Origins


async def post_from(shop: Shop, origin: str | None, **headers: str) -> httpx.Response:
    sent = headers if origin is None else headers | {"Origin": origin}
    return await shop.client.post("/checkout", json=CART, headers=sent)


@pytest.mark.parametrize("origin", [None, SHOP, EVIL, "null"])
async def test_no_origin_is_refused_where_the_owner_listed_none(
    shop: Shop, origin: str | None
) -> None:
    response = await post_from(shop, origin)

    assert response.status_code == 303


@pytest.mark.parametrize(
    "origin", [None, SHOP, "https://www.shop.example", "HTTPS://WWW.shop.example"]
)
async def test_the_listed_origins_and_programs_may_start_a_checkout(
    open_shop: OpenShop, origin: str | None
) -> None:
    async with open_shop(allowed_origins=[SHOP, "https://www.shop.example"]) as shop:
        response = await post_from(shop, origin)

    assert response.status_code == 303


@pytest.mark.parametrize(
    "origin",
    [
        EVIL,
        "null",
        "",
        "http://shop.example",
        "https://shop.example:8443",
        "https://shop.example.evil.example",
        "https://sub.shop.example",
        "https://shop.example/",
        "https://shop.example, https://evil.example",
    ],
)
async def test_another_origin_is_refused_once_the_owner_has_listed_some(
    open_shop: OpenShop, origin: str
) -> None:
    async with open_shop(allowed_origins=[SHOP]) as shop:
        response = await post_from(shop, origin)

        assert_problem(response, 403, "origin_not_allowed")
        assert shop.altan_pay.requests == []


@pytest.mark.parametrize(
    ("origin", "allowed"), [(SHOP, True), (EVIL, False), ("null", False), (f"{SHOP}:8443", False)]
)
async def test_a_preflight_allows_the_shops_pages_alone(
    shop: Shop,
    origin: str,
    allowed: bool,  # noqa: FBT001 a test's parameter
) -> None:
    response = await shop.client.options(
        "/checkout",
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type,idempotency-key",
        },
    )

    assert response.status_code == (200 if allowed else 400)
    assert response.headers.get("access-control-allow-origin") == (origin if allowed else None)
    assert "access-control-allow-credentials" not in response.headers
    if allowed:
        assert "POST" in response.headers["access-control-allow-methods"]
        assert "content-type" in response.headers["access-control-allow-headers"].lower()
        assert "idempotency-key" in response.headers["access-control-allow-headers"].lower()


@pytest.mark.parametrize("cart", [CART, {}])
async def test_a_script_in_the_shops_page_can_read_answers_and_errors(
    shop: Shop, cart: dict[str, object]
) -> None:
    headers = {"Sec-Fetch-Mode": "cors"}

    own = await shop.client.post("/checkout", json=cart, headers=headers | {"Origin": SHOP})
    foreign = await shop.client.post("/checkout", json=cart, headers=headers | {"Origin": EVIL})

    assert own.headers["access-control-allow-origin"] == SHOP
    assert "Retry-After" in own.headers["access-control-expose-headers"]
    assert "access-control-allow-origin" not in foreign.headers
    assert {"Accept", "Sec-Fetch-Mode", "Origin"} <= set(own.headers["vary"].split(", "))


# What Altan Pay did


@pytest.mark.parametrize(
    ("script", "status", "code"),
    [
        *[(answer(b"", status=f"{s} No"), 422, "cart_refused") for s in (400, 402, 409, 422)],
        *[
            (answer(b"", "Retry-After: 0", status=f"{s} No"), 502, "altan_pay_misconfigured")
            for s in (401, 403, 404, 405, 302, 308)
        ],
        (answer(b"<html>"), 502, "altan_pay_malformed"),
        (answer(b'{"url": "https://evil.example/"}'), 502, "altan_pay_malformed"),
        (says_and_closes(b"garbage\r\n\r\n"), 502, "altan_pay_malformed"),
        *[
            (answer(b"", "Retry-After: 0", status=f"{s} No"), 503, "altan_pay_unavailable")
            for s in (429, 500, 502, 503, 504)
        ],
        (resets, 503, "altan_pay_unavailable"),
        (hangs, 504, "altan_pay_timeout"),
    ],
    ids=lambda value: ascii(value)[:40],
)
async def test_each_failure_of_altan_pay_has_its_code_and_leaves_no_row(
    open_shop: OpenShop, script: Script | bytes, status: int, code: str
) -> None:
    # Where an answer is meant to come, no time-out may decide, however busy the machine is.
    deadline_s = 0.3 if script is hangs else 10.0
    async with open_shop(script, altan_pay_timeout_s=deadline_s) as shop:
        response = await shop.client.post("/checkout", json=CART)

        problem = assert_problem(response, status, code)
        assert ("retry-after" in response.headers) == (status == 503)
        assert "location" not in response.headers
        assert shop.rows() == []
        assert "127.0.0.1" not in problem["detail"]
        assert "acct_" not in response.text


async def test_an_altan_pay_that_is_not_there_is_unavailable(database_path: Path) -> None:
    app = create_app(settings(database_path.parent))

    async with started(app), in_process(app) as client:
        response = await client.post("/checkout", json=CART)

    assert_problem(response, 503, "altan_pay_unavailable")


# The page for a person


class Page(HTMLParser):
    """What a browser would make of the page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str | None] = []
        self.words = ""
        self.attributes: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag == "a":
            self.links.append(dict(attrs)["href"])

    def handle_data(self, data: str) -> None:
        self.words += data


async def test_a_person_gets_a_page_with_the_same_words_and_a_link_back(shop: Shop) -> None:
    pairs = [("price", "price_A"), ("quantity", "0")]

    for_person = await post_form(shop, *pairs, headers=NAVIGATION)
    for_program = await post_form(shop, *pairs)

    assert for_person.status_code == for_program.status_code == 422
    assert for_person.headers["content-type"] == "text/html; charset=utf-8"
    assert for_person.headers["cache-control"] == "no-store"
    page, problem = Page(for_person.text), for_program.json()
    for words in (problem["title"], problem["detail"], problem["errors"][0]["detail"]):
        assert words in page.words
    assert "invalid_cart" in page.words
    assert for_person.headers["x-request-id"] in page.words
    assert page.links == [SHOP]


async def test_a_person_whose_cart_meets_a_dead_upstream_can_come_back_to_the_shop(
    open_shop: OpenShop,
) -> None:
    async with open_shop(resets) as shop:
        response = await post_form(
            shop, ("price", "price_A"), ("quantity", "1"), headers=NAVIGATION
        )

    assert response.status_code == 503
    assert int(response.headers["retry-after"]) > 0
    assert Page(response.text).links == [SHOP]


async def test_the_page_runs_and_loads_nothing(shop: Shop) -> None:
    response = await post_form(shop, headers=NAVIGATION)

    page = Page(response.text)
    assert not set(page.tags) & {"script", "img", "iframe", "link", "object", "form", "base"}
    assert not {name for name in page.attributes if name.startswith("on")}
    policy = response.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "no-referrer"


async def test_hostile_names_in_a_cart_stay_text_in_the_page(shop: Shop) -> None:
    hostile = "<script>alert(1)</script><a href=//evil.example onclick='x'>\"&"

    response = await post_form(
        shop, ("price", "price_A"), ("quantity", "1"), (hostile, "1"), headers=NAVIGATION
    )

    page = Page(response.text)
    assert response.status_code == 422
    assert hostile.replace("/", "~1")[:40] in page.words
    assert "script" not in page.tags
    assert page.links == [SHOP]
    assert "onclick" not in page.attributes


async def test_the_shops_own_address_cannot_break_out_of_the_link(open_shop: OpenShop) -> None:
    odd = 'https://shop.example/"onmouseover="alert(1)"><script>alert(1)</script>'

    async with open_shop(app_url=odd) as shop:
        response = await post_form(shop, headers=NAVIGATION)

    page = Page(response.text)
    assert page.links == [odd]
    assert "script" not in page.tags
    assert "onmouseover" not in page.attributes
