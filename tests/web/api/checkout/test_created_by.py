"""Who sent a cart: the shop's own server, whose token says so, or a browser."""

from collections.abc import Mapping

import httpx
import pytest

from tests.support.checkout_shop import CART, OpenShop, Shop, makes_pages
from tests.support.orders import ADMIN_TOKEN, TOKEN, TOKENS, bearer

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("authorization", "created_by"),
    [
        (f"Bearer {TOKEN}", "server"),
        (f"bearer {ADMIN_TOKEN}", "server"),
        ("Bearer wrong", "browser"),
        ("Basic abc", "browser"),
        (None, "browser"),
    ],
)
@pytest.mark.parametrize("key", [{}, {"Idempotency-Key": "k-1"}])
async def test_a_cart_with_a_token_is_the_servers_and_no_other_is_refused(
    open_shop: OpenShop,
    authorization: str | None,
    created_by: str,
    key: dict[str, str],
) -> None:
    sent = {"Accept": "application/json"} | key
    if authorization is not None:
        sent["Authorization"] = authorization
    async with open_shop(makes_pages(), **TOKENS) as shop:
        made = await shop.client.post("/checkout", json=CART, headers=sent)
        assert made.status_code == 200
        path = f"/orders/{made.json()['checkout_id']}"
        order = await shop.client.get(path, headers=bearer())

    assert order.json()["created_by"] == created_by
    assert order.json()["status"] == "open"


ANOTHER_CART: dict[str, object] = {"line_items": [{"price": "price_DEF456", "quantity": 1}]}
ORDER_NUMBER = "order-1042"


async def with_the_key(
    shop: Shop, headers: Mapping[str, str], cart: Mapping[str, object] = CART
) -> httpx.Response:
    sent = {"Accept": "application/json", "Idempotency-Key": ORDER_NUMBER} | dict(headers)
    return await shop.client.post("/checkout", json=cart, headers=sent)


@pytest.mark.parametrize("cart", [CART, ANOTHER_CART])
async def test_a_stranger_with_the_servers_next_key_cannot_use_it_up(
    open_shop: OpenShop, cart: Mapping[str, object]
) -> None:
    async with open_shop(makes_pages(), **TOKENS) as shop:
        strangers = await with_the_key(shop, {}, cart)
        servers = await with_the_key(shop, bearer())
        again = await with_the_key(shop, bearer(ADMIN_TOKEN))

    assert strangers.status_code == servers.status_code == 200
    assert servers.json()["checkout_id"] != strangers.json()["checkout_id"]
    assert again.json() == servers.json()


async def test_a_stranger_with_the_servers_key_does_not_get_its_checkout(
    open_shop: OpenShop,
) -> None:
    async with open_shop(makes_pages(), **TOKENS) as shop:
        servers = await with_the_key(shop, bearer())
        strangers = await with_the_key(shop, {})

    assert strangers.json()["checkout_id"] != servers.json()["checkout_id"]
