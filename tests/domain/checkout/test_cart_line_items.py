"""A cart's line items: prices, quantities, and how they are merged."""

import pytest

from app.domain.checkout.cart import (
    LineItem,
    read_checkout_request,
)
from app.domain.errors import Fault, InvalidCartError
from tests.support.cart_documents import (
    MISSING,
    Wrap,
    both_forms,
    cart,
    faults_of,
    line,
    pointers_of,
    read,
)


def prices(count: int) -> list[dict[str, object]]:
    return [line(f"price_{index}") for index in range(count)]


def test_of_prices_named_twice_the_first_mention_is_remembered() -> None:
    request = read(cart(line("price_B"), line("price_A"), line("price_B"), line("price_C")))

    assert [item.price for item in request.cart.line_items] == ["price_B", "price_A", "price_C"]
    assert request.positions == (0, 1, 3)


@pytest.mark.parametrize("items", [MISSING, None, [], {}, "price_A", 1, True, line()])
@both_forms
def test_a_cart_needs_a_list_of_line_items(wrap: Wrap, at: str, items: object) -> None:
    document = {} if items is MISSING else {"line_items": items}

    pointers = pointers_of(wrap(document))

    assert pointers == [f"{at}/line_items"]


@pytest.mark.parametrize("entry", [None, True, 7, "price_A", [], ["price_A", 1]])
@both_forms
def test_a_line_item_that_is_no_object_is_refused_by_its_index(
    wrap: Wrap, at: str, entry: object
) -> None:
    pointers = pointers_of(wrap(cart(line(), entry)))

    assert pointers == [f"{at}/line_items/1"]


@pytest.mark.parametrize(
    "price",
    [
        MISSING,
        None,
        True,
        7,
        [],
        {},
        "",
        "price_",
        "price",
        "prod_A",
        "Price_A",
        " price_A",
        "price_A ",
        "price_A\n",
        "price_A\x00",
        "price_A-B",
        "price_A/B",
        "price_Ä",
        "price_\N{FULLWIDTH DIGIT ONE}",
        "price_\N{KELVIN SIGN}",
        "price_" + "A" * 250,
    ],
)
@both_forms
def test_a_price_that_is_not_stripes_form_is_refused_by_its_field(
    wrap: Wrap, at: str, price: object
) -> None:
    pointers = pointers_of(wrap(cart(line(), line(price))))

    assert pointers == [f"{at}/line_items/1/price"]


@pytest.mark.parametrize("price", ["price_a", "price_1", "price__", "price_" + "Z" * 249])
def test_a_price_has_one_to_249_letters_digits_and_underscores(price: str) -> None:
    request = read(cart(line(price)))

    assert request.cart.line_items == (LineItem(price, 1),)


@pytest.mark.parametrize(
    "quantity",
    [
        MISSING,
        None,
        True,
        False,
        0,
        -1,
        -(10**40),
        1000,
        10**40,
        2.0,
        1.5,
        float("nan"),
        float("inf"),
        "2",
        "",
        [],
        [1],
        {},
    ],
)
@both_forms
def test_a_quantity_that_is_no_whole_number_in_its_limits_is_refused_by_its_field(
    wrap: Wrap, at: str, quantity: object
) -> None:
    pointers = pointers_of(wrap(cart(line(), line("price_B", quantity))))

    assert pointers == [f"{at}/line_items/1/quantity"]


def test_the_owner_sets_the_largest_quantity() -> None:
    document = cart(line(quantity=6))

    accepted = read_checkout_request(document, quantity_max=6)
    with pytest.raises(InvalidCartError) as caught:
        read_checkout_request(document, quantity_max=5)

    assert accepted.cart.line_items == (LineItem("price_A", 6),)
    assert caught.value.faults == (
        Fault("/line_items/0/quantity", "must be a whole number from 1 to 5"),
    )


def test_one_price_named_twice_is_added_up_at_its_first_place() -> None:
    document = cart(line("price_A", 998), line("price_B", 2), line("price_A", 1))

    request = read(document)

    assert request.cart.line_items == (LineItem("price_A", 999), LineItem("price_B", 2))


@pytest.mark.parametrize(("first", "second"), [(999, 1), (1, 999), (600, 600)])
@both_forms
def test_a_sum_over_the_limit_is_pointed_at_where_it_is_passed_and_once(
    wrap: Wrap, at: str, first: int, second: int
) -> None:
    document = cart(
        line("price_A", first), line("price_B", 1), line("price_A", second), line("price_A", 1)
    )

    faults = faults_of(wrap(document))

    assert [fault.pointer for fault in faults] == [f"{at}/line_items/2/quantity"]
    assert "price_A" in faults[0].detail


@pytest.mark.parametrize(("mode", "limit"), [("payment", 100), ("subscription", 40)])
@both_forms
def test_a_mode_limits_how_many_prices_a_cart_holds(
    wrap: Wrap, at: str, mode: str, limit: int
) -> None:
    full = read(wrap(cart(*prices(limit), mode=mode)))
    pointers = pointers_of(wrap(cart(*prices(limit + 1), mode=mode)))

    assert len(full.cart.line_items) == limit
    assert pointers == [f"{at}/line_items"]


def test_the_limit_counts_prices_after_they_are_merged() -> None:
    document = cart(*prices(100), *prices(100))

    request = read(document)

    assert len(request.cart.line_items) == 100
    assert {item.quantity for item in request.cart.line_items} == {2}


@both_forms
def test_an_unknown_field_of_a_line_item_is_refused_by_its_name(wrap: Wrap, at: str) -> None:
    pointers = pointers_of(wrap(cart(line(), line("price_B", amount=100))))

    assert pointers == [f"{at}/line_items/1/amount"]
