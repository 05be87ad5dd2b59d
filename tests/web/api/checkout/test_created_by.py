"""Who sent a cart: the shop's own server, whose token says so, or a browser."""

import pytest

from tests.support.checkout_shop import CART, OpenShop, makes_pages
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
