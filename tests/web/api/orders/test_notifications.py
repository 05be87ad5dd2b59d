"""GET /notifications over real sockets, on both databases, and what operators may do."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.support.builders import (
    CHECKOUT_ID,
    DEADLINE_S,
    SESSION_ID,
    Document,
    SilentAlarm,
    event,
    service_in_process,
    session,
    settings,
)
from tests.support.orders import ADMIN_TOKEN, OrderShop, bearer, order_shop
from tests.support.readings import COMPLETED
from tests.support.recording import checkout, keep
from tests.support.rows import open_database
from tests.support.stripe_objects import invoice, refund

pytestmark = pytest.mark.anyio

PATH = "/notifications"
OPERATORS = bearer(ADMIN_TOKEN)
PAID_ID = "msg_0206c8282dd992cd50a1f84b0a"


async def feed(shop: OrderShop, **parameters: object) -> Document:
    answer = await shop.service.client.get(PATH, params=parameters, headers=bearer())  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    document: Document = answer.json()
    return document


def types(page: Document) -> list[str]:
    return [each["type"] for each in page["notifications"]]


async def act(shop: OrderShop, path: str, token: str = ADMIN_TOKEN) -> httpx.Response:
    return await shop.service.client.post(f"{PATH}{path}", headers=bearer(token))


# --- the feed


async def test_a_payment_is_in_the_feed_with_its_order(shop: OrderShop) -> None:
    await shop.tell(event())

    page = await feed(shop)

    (told,) = page["notifications"]
    assert told.keys() == {"id", "type", "timestamp", "data"}
    assert (told["id"], told["type"]) == (PAID_ID, "order.paid")
    assert told["data"] == await shop.order()
    assert told["timestamp"] == told["data"]["updated_at"]


async def test_an_order_is_shown_as_it_is_now(shop: OrderShop) -> None:
    await shop.tell(event(id="evt_1"), event("refund.created", refund(amount=1999), id="evt_2"))

    page = await feed(shop)

    assert types(page) == ["order.paid", "order.refunded"]
    assert [each["data"]["status"] for each in page["notifications"]] == ["refunded"] * 2


async def test_an_order_of_ours_is_shown_by_its_checkout(
    shop: OrderShop, database_path: Path
) -> None:
    database = open_database(database_path, SilentAlarm())
    await keep(database, checkout())
    await database.close()
    await shop.tell(event())

    (told,) = (await feed(shop))["notifications"]

    assert told["data"]["id"] == told["data"]["checkout_id"] == CHECKOUT_ID


async def test_a_renewal_shows_its_invoice(shop: OrderShop) -> None:
    subscribed = session(mode="subscription", payment_intent=None, subscription="sub_1")
    paid = invoice(billing_reason="subscription_cycle", amount_paid=900, currency="usd")
    await shop.tell(
        event(COMPLETED, subscribed, id="evt_1"), event("invoice.paid", paid, id="evt_2")
    )

    page = await feed(shop)

    assert types(page) == ["order.paid", "subscription.renewed"]
    assert page["notifications"][1]["data"]["invoice"] == {
        "id": "in_1",
        "amount_paid": 900,
        "currency": "usd",
    }
    assert "invoice" not in page["notifications"][0]["data"]


async def test_pages_follow_each_other_and_always_say_where_to_go_on(shop: OrderShop) -> None:
    empty = await feed(shop)
    await shop.tell(event(id="evt_1"), event("refund.created", refund(), id="evt_2"))

    first = await feed(shop, cursor=empty["next_cursor"], limit=1)
    second = await feed(shop, cursor=first["next_cursor"], limit=1)
    last = await feed(shop, cursor=second["next_cursor"])

    assert [types(page) for page in (empty, first, second, last)] == [
        [],
        ["order.paid"],
        ["order.refunded"],
        [],
    ]
    assert last["next_cursor"] == second["next_cursor"]


async def test_a_reader_who_waits_hears_of_a_payment_at_once(shop: OrderShop) -> None:
    waiting = asyncio.create_task(feed(shop, wait=25))
    await asyncio.sleep(0)

    await shop.tell(event())

    assert types(await asyncio.wait_for(waiting, DEADLINE_S)) == ["order.paid"]


async def test_a_reader_who_waits_in_vain_gets_an_empty_page(shop: OrderShop) -> None:
    page = await feed(shop, wait="0.01")

    assert page["notifications"] == []


async def test_a_cursor_of_what_is_no_longer_kept_is_expired(shop: OrderShop) -> None:
    await shop.tell(event(id="evt_1"), event("refund.created", refund(), id="evt_2"))
    cursor = (await feed(shop, limit=1))["next_cursor"]
    shop.sql("INSERT INTO notification_delivery (id) VALUES (1)")
    shop.sql(
        "UPDATE notification_delivery SET pruned_tx = (SELECT max(tx) FROM notifications),"
        " pruned_seq = (SELECT max(seq) FROM notifications)"
    )

    answer = await shop.service.client.get(PATH, params={"cursor": cursor}, headers=bearer())

    assert (answer.status_code, answer.json()["code"]) == (410, "cursor_expired")
    assert types(await feed(shop)) == []


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("cursor=x", "cursor"),
        ("cursor=", "cursor"),
        ("cursor=1-2-3", "cursor"),
        ("cursor=01-2", "cursor"),
        ("cursor=1-2&cursor=1-2", "cursor"),
        (f"cursor=1-{'9' * 30}", "cursor"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=ten", "limit"),
        ("wait=26", "wait"),
        ("wait=-1", "wait"),
        ("wait=soon", "wait"),
        ("status=paid", "status"),
    ],
)
async def test_a_wrong_parameter_is_named(
    local_shop: OrderShop, query: str, parameter: str
) -> None:
    answer = await local_shop.service.client.get(f"{PATH}?{query}", headers=bearer())

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_query")
    assert [fault["parameter"] for fault in answer.json()["errors"]] == [parameter]


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("wait=-1", "wait must be a number of seconds from 0 to 25."),
        ("cursor=x", "cursor is not a valid cursor: send next_cursor unchanged."),
        ("wait=-1&a%0Ab=1", "wait must be a number of seconds from 0 to 25. 1 more: see errors."),
        ("a%0Ab=1", "a\\u000ab is not a parameter of this endpoint."),
    ],
)
async def test_the_detail_says_the_first_fault(
    local_shop: OrderShop, query: str, detail: str
) -> None:
    answer = await local_shop.service.client.get(f"{PATH}?{query}", headers=bearer())

    parameters = "parameters" if "more" in detail else "parameter"
    assert answer.json()["detail"] == f"Wrong query {parameters}: {detail}"


@pytest.fixture
async def local_shop(tmp_path: Path, migrated_path: Path) -> AsyncIterator[OrderShop]:
    """On SQLite alone, for what no database changes."""
    path = tmp_path / "local" / "checkout.db"
    path.parent.mkdir()
    path.write_bytes(migrated_path.read_bytes())  # noqa: ASYNC240 a small file
    async with order_shop(path) as shop:
        yield shop


# --- who may


PATHS = [("GET", ""), ("POST", "/pause"), ("POST", "/resume"), ("POST", f"/{PAID_ID}/resend")]


@pytest.mark.parametrize(("method", "path"), PATHS)
async def test_without_a_token_it_is_refused(local_shop: OrderShop, method: str, path: str) -> None:
    answer = await local_shop.service.client.request(method, f"{PATH}{path}")

    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")


@pytest.mark.parametrize(("method", "path"), PATHS)
async def test_where_no_token_is_set_there_is_nothing(
    tmp_path: Path, method: str, path: str
) -> None:
    async with service_in_process(settings(tmp_path)) as service:
        answer = await service.client.request(method, f"{PATH}{path}", headers=bearer())

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("path", ["/pause", "/resume", f"/{PAID_ID}/resend"])
async def test_the_shops_own_token_does_not_steer_the_sending(
    local_shop: OrderShop, path: str
) -> None:
    answer = await local_shop.service.client.post(f"{PATH}{path}", headers=bearer())

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_no_page_may_read_it_and_no_cache_keep_it(local_shop: OrderShop) -> None:
    headers = bearer() | {"Origin": "https://shop.example"}

    answer = await local_shop.service.client.get(PATH, headers=headers)

    assert "access-control-allow-origin" not in answer.headers
    assert answer.headers["cache-control"] == "no-store"


# --- operators


async def test_an_operator_pauses_and_resumes(shop: OrderShop) -> None:
    paused = (await act(shop, "/pause")).json()
    again = (await act(shop, "/pause")).json()
    resumed = (await act(shop, "/resume")).json()

    assert (paused["paused"], paused["pause_reason"]) == (True, "operator")
    assert again == paused
    assert resumed == {"paused": False, "pause_reason": None, "paused_at": None}


async def test_an_operator_sends_a_notification_again(shop: OrderShop) -> None:
    await shop.tell(event())

    answer = await act(shop, f"/{PAID_ID}/resend")

    assert answer.json() == {"id": PAID_ID, "delivery": "waiting"}
    (row,) = shop.sql("SELECT delivery, attempts FROM notifications")
    assert (row["delivery"], row["attempts"]) == ("waiting", 0)


@pytest.mark.parametrize("id_", [f"msg_{'0' * 26}", SESSION_ID, "%00"])
async def test_an_unknown_notification_is_not_found(shop: OrderShop, id_: str) -> None:
    answer = await act(shop, f"/{id_}/resend")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
