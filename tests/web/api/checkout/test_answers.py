"""A checkout's answer: a redirect or JSON."""

import re

import orjson
import pytest

from tests.support.checkout_shop import CART, NAVIGATION, OpenShop, Shop
from tests.support.wire import (
    answer,
)


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
