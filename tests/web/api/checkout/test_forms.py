"""Carts as forms."""

import pytest

from tests.support.checkout_shop import NAVIGATION, SHOP, Shop, assert_problem, pointers, post_form


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
async def test_a_form_is_recognized_with_any_charset_parameter(
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


async def test_a_form_is_refused_in_its_own_words(shop: Shop) -> None:
    lines = [("price", "price_A"), ("quantity", "1"), ("price", "price_B"), ("quantity", "0")]

    quantity = assert_problem(await post_form(shop, *lines), 422, "invalid_cart")
    twice = [*lines[:2], ("mode", "payment"), ("mode", "payment")]
    repeated = assert_problem(await post_form(shop, *twice), 422, "invalid_cart")

    words = "the quantity of line 2 must be a whole number from 1 to 999"
    assert quantity["detail"] == f"The cart is not valid: {words}."
    assert quantity["errors"] == [{"pointer": "/line_items/1/quantity", "detail": words}]
    assert repeated["detail"] == "The cart is not valid: mode is in the form more than once."


async def test_leading_zeros_in_a_form_do_not_matter(shop: Shop) -> None:
    await post_form(shop, ("price", "price_A"), ("quantity", "007"))

    assert shop.ordered()[0]["line_items"] == [{"price": "price_A", "quantity": 7}]


async def test_a_form_may_have_many_lines_of_a_price_but_not_any_number_of_fields(
    shop: Shop,
) -> None:
    lines = [("price", "price_A"), ("quantity", "1")] * 250

    long = await post_form(shop, *lines, headers=NAVIGATION)
    too_long = await post_form(shop, *lines, ("mode", "payment"))

    assert long.status_code == 303
    assert shop.ordered()[0]["line_items"] == [{"price": "price_A", "quantity": 250}]
    problem = assert_problem(too_long, 422, "invalid_cart")
    assert problem["detail"] == "The cart is not valid: it must be a form of at most 500 fields."
    assert pointers(problem) == [""]


@pytest.mark.parametrize("body", [b"price=%FF&quantity=1", b"price=\xff", b"%C3%28=1"])
async def test_a_form_that_is_not_utf8_is_refused(shop: Shop, body: bytes) -> None:
    response = await shop.client.post(
        "/checkout", content=body, headers={"Content-Type": "application/x-www-form-urlencoded"}
    )

    assert_problem(response, 400, "invalid_json")
