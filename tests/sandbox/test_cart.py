from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.shop.cart import QUANTITY_MAX, Cart, read_cart
from sandbox.shop.products import PRODUCTS

SLUGS = [product.slug for product in PRODUCTS]
WORDS = st.sampled_from(SLUGS) | st.integers().map(str) | st.text("0189-+.ex² ", max_size=6)
ADDRESSES = st.dictionaries(st.sampled_from([*SLUGS, "add", "remove", "utm_source"]), WORDS)


def cart_at(path: str) -> Cart:
    return read_cart(dict(parse_qsl(urlsplit(path).query, keep_blank_values=True)))


@pytest.mark.parametrize(
    ("address", "quantities"),
    [
        ("/", {}),
        ("/?mug=2&beans=1", {"mug": 2, "beans": 1}),
        ("/?mug=0&beans=001", {"beans": 1}),
        ("/?mug=99", {"mug": 99}),
        ("/?mug=100&beans=999999999", {"mug": 99, "beans": 99}),
        ("/?add=mug", {"mug": 1}),
        ("/?mug=2&add=mug&beans=1", {"mug": 3, "beans": 1}),
        ("/?mug=99&add=mug", {"mug": 99}),
        ("/?mug=2&beans=1&remove=mug", {"beans": 1}),
        ("/?mug=2&add=tea&remove=milk", {"mug": 2}),
    ],
)
def test_an_address_is_a_cart(address: str, quantities: dict[str, int]) -> None:
    assert cart_at(address).quantities == quantities


@pytest.mark.parametrize(
    "quantity", ["", "-1", "1.5", "2 ", "0x2", "1e3", "²", "٣", "9999999999", "9" * 10_000]
)
def test_a_quantity_that_makes_no_sense_is_none(quantity: str) -> None:
    assert read_cart({"mug": quantity, "beans": "1"}).quantities == {"beans": 1}


def test_a_subscription_is_never_in_the_cart() -> None:
    assert read_cart({"club": "1", "add": "club"}).lines == ()


def test_a_cart_knows_what_it_costs() -> None:
    cart = cart_at("/?mug=2&beans=1")

    assert [line.amount_minor for line in cart.lines] == [1200, 2900]
    assert (cart.count, cart.total_minor) == (3, 4100)


@given(ADDRESSES)
def test_any_input_gives_a_cart_that_survives_its_own_url(
    query: dict[str, str],
) -> None:
    cart = read_cart(query)

    assert all(1 <= quantity <= QUANTITY_MAX for quantity in cart.quantities.values())
    assert cart_at(cart.path) == cart
