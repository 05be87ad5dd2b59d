"""What Altan Pay gets beside the four documented fields, read at its socket."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.checkout_shop import (
    CART,
    SHOP,
    OpenShop,
    assert_problem,
    pointers,
    post_form,
)

PASS_ALL = "customer_email, client_reference_id, locale, metadata"
FIELDS = {
    "customer_email": "ann@mail.example",
    "client_reference_id": "order-42",
    "locale": "de",
    "metadata": {"gift": "yes"},
}
EXTRA = (
    '{"allow_promotion_codes": true, "shipping_address_collection": {"allowed_countries": ["DE"]}}'
)


async def test_with_both_settings_off_the_bytes_are_the_four_documented_fields(
    open_shop: OpenShop,
) -> None:
    async with open_shop() as shop:
        cart = CART | {"client_reference_id": "order-42", "cancel_url": f"{SHOP}/cart"}
        response = await shop.client.post("/checkout", json=cart)

    assert response.status_code == 303
    (request,) = shop.altan_pay.requests
    assert re.fullmatch(
        rb'\{"payload":\{'
        rb'"success_url":"https://shop\.example[^"]*",'
        rb'"cancel_url":"https://shop\.example/cart",'
        rb'"line_items":\[\{"price":"price_ABC123","quantity":2\}\],'
        rb'"mode":"payment"\}\}',
        request.body,
    )


async def test_what_the_owner_adds_and_lets_a_cart_pass_on_comes_behind_them(
    open_shop: OpenShop,
) -> None:
    async with open_shop(altan_pay_extra=EXTRA, altan_pay_pass=PASS_ALL) as shop:
        response = await shop.client.post("/checkout", json=CART | FIELDS)

    assert response.status_code == 303
    (payload,) = shop.ordered()
    documented = ["success_url", "cancel_url", "line_items", "mode"]
    assert [*payload][:4] == documented
    assert payload["line_items"] == CART["line_items"]
    assert {name: payload[name] for name in payload if name not in documented} == FIELDS | {
        "allow_promotion_codes": True,
        "shipping_address_collection": {"allowed_countries": ["DE"]},
    }


async def test_an_order_number_that_may_not_be_passed_on_is_still_kept(
    open_shop: OpenShop,
) -> None:
    async with open_shop(altan_pay_pass="locale") as shop:
        await shop.client.post("/checkout", json=CART | {"client_reference_id": "order-42"})

    assert "client_reference_id" not in shop.ordered()[0]
    assert shop.rows()[0]["client_reference_id"] == "order-42"


async def test_a_field_that_may_not_be_passed_on_is_refused_and_nothing_is_asked(
    open_shop: OpenShop,
) -> None:
    async with open_shop(altan_pay_pass="locale") as shop:
        response = await shop.client.post("/checkout", json=CART | FIELDS)

    refused = pointers(assert_problem(response, 422, "invalid_cart"))
    assert refused == ["/customer_email", "/metadata"]
    assert shop.altan_pay.requests == []


async def test_a_form_names_each_entry_of_metadata(open_shop: OpenShop) -> None:
    async with open_shop(altan_pay_pass=PASS_ALL) as shop:
        response = await post_form(
            shop,
            ("price", "price_A"),
            ("quantity", "1"),
            ("customer_email", ""),
            ("locale", "de"),
            ("metadata[gift]", "yes"),
            ("metadata[note]", ""),
        )

    assert response.status_code == 303
    (payload,) = shop.ordered()
    assert payload["metadata"] == {"gift": "yes", "note": ""}
    assert payload["locale"] == "de"
    assert "customer_email" not in payload


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ([("metadata[a]", "1"), ("metadata[a]", "2")], "/metadata[a]"),
        ([("metadata[a]", "1"), ("metadata", "2")], "/metadata"),
        ([("metadata[a][b]", "1")], "/metadata[a][b]"),
        ([("locale", "de"), ("locale", "en")], "/locale"),
    ],
)
async def test_a_form_with_odd_fields_is_refused(
    open_shop: OpenShop, fields: list[tuple[str, str]], pointer: str
) -> None:
    async with open_shop(altan_pay_pass=PASS_ALL) as shop:
        response = await post_form(shop, ("price", "price_A"), ("quantity", "1"), *fields)

    assert pointers(assert_problem(response, 422, "invalid_cart")) == [pointer]


async def test_a_key_with_another_email_belongs_to_another_cart(open_shop: OpenShop) -> None:
    key = {"Idempotency-Key": "k-1"}
    async with open_shop(altan_pay_pass=PASS_ALL) as shop:
        first = await shop.client.post("/checkout", json=CART | FIELDS, headers=key)
        again = await shop.client.post("/checkout", json=CART | FIELDS, headers=key)
        other = await shop.client.post(
            "/checkout", json=CART | FIELDS | {"customer_email": "bob@mail.example"}, headers=key
        )

    assert first.headers["location"] == again.headers["location"]
    assert_problem(other, 422, "idempotency_key_reused")


async def test_an_email_is_neither_kept_nor_logged(
    open_shop: OpenShop, capfd: pytest.CaptureFixture[str], database_path: Path
) -> None:
    async with open_shop(altan_pay_pass=PASS_ALL) as shop:
        key = {"Idempotency-Key": "k-1"}
        good = await shop.client.post("/checkout", json=CART | FIELDS, headers=key)
        refused = await shop.client.post(
            "/checkout", json=CART | {"customer_email": "ann@mail.example is wrong"}
        )
        with closing(sqlite3.connect(database_path)) as connection:
            kept = "\n".join(connection.iterdump())

    assert (good.status_code, refused.status_code) == (303, 422)
    assert "order-42" in kept
    assert "ann@mail" not in kept + "".join(capfd.readouterr()) + refused.text


async def test_openapi_describes_the_fields_that_this_shop_allows(open_shop: OpenShop) -> None:
    async with open_shop(altan_pay_pass="locale, metadata") as shop:
        document = (await shop.client.get("/openapi.json")).json()
    async with open_shop() as shop:
        without = (await shop.client.get("/openapi.json")).json()

    cart = document["components"]["schemas"]["Cart"]["properties"]
    assert {"locale", "metadata"} <= cart.keys()
    assert "customer_email" not in cart
    assert "locale" not in without["components"]["schemas"]["Cart"]["properties"]
