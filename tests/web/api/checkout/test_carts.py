"""Carts as JSON, and their faults."""

import pytest

from tests.support.checkout_shop import (
    CART,
    EVIL,
    LINE,
    SHOP,
    OpenShop,
    Shop,
    assert_problem,
    pointers,
)


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
