from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.checkout.cart import (
    FAULTS_MAX,
    Cart,
    CheckoutRequest,
    LineItem,
    Mode,
    read_checkout_request,
)
from app.domain.errors import Fault, InvalidCartError

Wrap = Callable[[object], object]

QUANTITY_MAX = 999
MISSING = object()


def bare(document: object) -> object:
    return document


def enveloped(document: object) -> object:
    return {"payload": document}


both_forms = pytest.mark.parametrize(
    ("wrap", "at"), [(bare, ""), (enveloped, "/payload")], ids=["bare", "envelope"]
)


def line(price: object = "price_A", quantity: object = 1, **more: object) -> dict[str, object]:
    item = {"price": price, "quantity": quantity} | more
    return {name: value for name, value in item.items() if value is not MISSING}


def cart(*lines: object, **more: object) -> dict[str, object]:
    return {"line_items": list(lines) or [line()], **more}


def prices(count: int) -> list[dict[str, object]]:
    return [line(f"price_{index}") for index in range(count)]


def read(document: object) -> CheckoutRequest:
    return read_checkout_request(document, quantity_max=QUANTITY_MAX)


def faults_of(document: object) -> list[Fault]:
    with pytest.raises(InvalidCartError) as caught:
        read(document)
    return list(caught.value.faults)


def pointers_of(document: object) -> list[str]:
    return [fault.pointer for fault in faults_of(document)]


@both_forms
def test_a_whole_cart_is_read_in_its_own_order(wrap: Wrap, at: str) -> None:
    document = cart(
        line("price_B", 2),
        line("price_A", 999),
        mode="subscription",
        success_url="https://shop.example/thanks",
        cancel_url="https://shop.example/cart",
        client_reference_id="order-42",
    )

    request = read(wrap(document))

    assert request == CheckoutRequest(
        cart=Cart((LineItem("price_B", 2), LineItem("price_A", 999)), Mode.SUBSCRIPTION),
        positions=(0, 1),
        success_url="https://shop.example/thanks",
        cancel_url="https://shop.example/cart",
        client_reference_id="order-42",
        at=at,
    )


def test_of_prices_named_twice_the_first_mention_is_remembered() -> None:
    request = read(cart(line("price_B"), line("price_A"), line("price_B"), line("price_C")))

    assert [item.price for item in request.cart.line_items] == ["price_B", "price_A", "price_C"]
    assert request.positions == (0, 1, 3)


def test_what_is_not_said_is_a_payment_with_the_shops_own_addresses() -> None:
    request = read(cart())

    assert request.cart.mode is Mode.PAYMENT
    assert (request.success_url, request.cancel_url, request.client_reference_id) == (None,) * 3


@pytest.mark.parametrize("document", [None, True, 0, 1.5, "", "{}", [], [cart()]])
@both_forms
def test_a_body_that_is_no_object_is_refused_where_it_stands(
    wrap: Wrap, at: str, document: object
) -> None:
    pointers = pointers_of(wrap(document))

    assert pointers == [at]


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


@both_forms
def test_a_sum_over_the_limit_is_pointed_at_where_it_is_passed_and_once(
    wrap: Wrap, at: str
) -> None:
    document = cart(
        line("price_A", 999), line("price_B", 1), line("price_A", 1), line("price_A", 1)
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


@pytest.mark.parametrize("mode", ["", "setup", "Payment", "payment ", 1, True, [], {}, ["payment"]])
@both_forms
def test_an_unknown_mode_is_refused(wrap: Wrap, at: str, mode: object) -> None:
    pointers = pointers_of(wrap(cart(mode=mode)))

    assert pointers == [f"{at}/mode"]


@pytest.mark.parametrize("name", ["success_url", "cancel_url", "client_reference_id"])
@pytest.mark.parametrize("value", [1, True, [], {}, ["x"]])
@both_forms
def test_an_address_or_reference_that_is_no_text_is_refused(
    wrap: Wrap, at: str, name: str, value: object
) -> None:
    pointers = pointers_of(wrap(cart(**{name: value})))

    assert pointers == [f"{at}/{name}"]


@pytest.mark.parametrize("name", ["success_url", "cancel_url", "client_reference_id"])
def test_null_means_that_nothing_was_said(name: str) -> None:
    request = read(cart(**{name: None}))

    assert getattr(request, name) is None


@pytest.mark.parametrize("reference", ["a", "order-42", "A_b-9", "x" * 200])
def test_a_client_reference_id_is_kept_as_it_was_written(reference: str) -> None:
    request = read(cart(client_reference_id=reference))

    assert request.client_reference_id == reference


@pytest.mark.parametrize("reference", ["", "x" * 201, "a b", "a\n", "ä", "a/b", "a.b", "{x}"])
@both_forms
def test_a_client_reference_id_of_another_form_is_refused(
    wrap: Wrap, at: str, reference: str
) -> None:
    pointers = pointers_of(wrap(cart(client_reference_id=reference)))

    assert pointers == [f"{at}/client_reference_id"]


@pytest.mark.parametrize(
    ("name", "token"),
    [
        ("coupon", "coupon"),
        ("", ""),
        ("a/b", "a~1b"),
        ("a~b", "a~0b"),
        ("~1", "~01"),
        ("payload", "payload"),
        ("Mode", "Mode"),
    ],
)
@both_forms
def test_an_unknown_field_is_refused_by_its_name_escaped_as_a_pointer_asks(
    wrap: Wrap, at: str, name: str, token: str
) -> None:
    pointers = pointers_of(wrap(cart(**{name: 1})))

    assert pointers == [f"{at}/{token}"]


@both_forms
def test_an_unknown_field_of_a_line_item_is_refused_by_its_name(wrap: Wrap, at: str) -> None:
    pointers = pointers_of(wrap(cart(line(), line("price_B", amount=100))))

    assert pointers == [f"{at}/line_items/1/amount"]


def test_a_name_of_any_length_makes_a_short_answer() -> None:
    pointers = pointers_of(cart(**{"x" * 60_000: 1}))

    assert pointers == ["/" + "x" * 64]


def test_an_envelope_holds_nothing_beside_the_payload() -> None:
    pointers = pointers_of({"payload": cart(), "mode": "payment"})

    assert pointers == ["/payload", "/line_items"]


def test_an_envelope_is_opened_once() -> None:
    pointers = pointers_of(enveloped(enveloped(cart())))

    assert pointers == ["/payload/payload", "/payload/line_items"]


def test_every_fault_is_told_at_once_in_the_order_of_the_document() -> None:
    document = {
        "nonsense": 1,
        "mode": "setup",
        "line_items": [7, line("x", 0), line(quantity=2.0)],
        "client_reference_id": "a b",
        "success_url": 1,
        "cancel_url": 2,
    }

    pointers = pointers_of(document)

    assert pointers == [
        "/nonsense",
        "/mode",
        "/line_items/0",
        "/line_items/1/price",
        "/line_items/1/quantity",
        "/line_items/2/quantity",
        "/client_reference_id",
        "/success_url",
        "/cancel_url",
    ]


def test_no_more_than_twenty_faults_are_told_but_all_are_counted() -> None:
    document = cart(*[None] * 500)

    with pytest.raises(InvalidCartError) as caught:
        read(document)

    assert len(caught.value.faults) == FAULTS_MAX == 20
    assert "500 faults" in caught.value.detail


def test_one_fault_is_counted_in_the_singular() -> None:
    with pytest.raises(InvalidCartError, match="has 1 fault; each"):
        read(cart(None))


_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(["price_A", "price_B", "payment", "subscription", "2", "order-42"])
)
_NAMES = st.sampled_from(
    [
        "payload",
        "line_items",
        "price",
        "quantity",
        "mode",
        "success_url",
        "cancel_url",
        "client_reference_id",
    ]
) | st.text(max_size=6)
_JSON = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(_NAMES, inner, max_size=6),
    max_leaves=30,
)
_LINES = st.fixed_dictionaries(
    {
        "price": st.sampled_from(["price_A", "price_B"])
        | st.from_regex(r"price_[a-z]{1,3}", fullmatch=True),
        "quantity": st.integers(1, 600),
    }
)
_NEARLY_CARTS = st.fixed_dictionaries(
    {"line_items": st.lists(_LINES | _JSON, max_size=8)},
    optional={
        "mode": st.sampled_from(["payment", "subscription"]) | _SCALARS,
        "success_url": _SCALARS,
        "cancel_url": _SCALARS,
        "client_reference_id": _SCALARS,
    },
)


@settings(deadline=None)
@given(_JSON | _NEARLY_CARTS | _NEARLY_CARTS.map(enveloped), st.integers(1, 999))
def test_any_json_is_a_cart_within_the_limits_or_an_error_that_says_where(
    document: object, quantity_max: int
) -> None:
    outcome = _read_or_faults(document, quantity_max)

    if isinstance(outcome, CheckoutRequest):
        _assert_within_limits(outcome, quantity_max)
    else:
        assert 1 <= len(outcome) <= FAULTS_MAX
        assert all(_leads_somewhere(document, fault.pointer) for fault in outcome)


@settings(deadline=None)
@given(st.lists(_LINES, min_size=1, max_size=12))
def test_merging_keeps_every_price_once_and_the_sum_of_its_quantities(
    lines: list[dict[str, Any]],
) -> None:
    sums: dict[str, int] = {}
    for item in lines:
        sums[item["price"]] = sums.get(item["price"], 0) + item["quantity"]

    request = read_checkout_request({"line_items": lines}, quantity_max=10_000)

    assert [(item.price, item.quantity) for item in request.cart.line_items] == list(sums.items())


def _read_or_faults(document: object, quantity_max: int) -> CheckoutRequest | Sequence[Fault]:
    try:
        return read_checkout_request(document, quantity_max=quantity_max)
    except InvalidCartError as error:
        return error.faults


def _assert_within_limits(request: CheckoutRequest, quantity_max: int) -> None:
    items = request.cart.line_items
    limit = {Mode.PAYMENT: 100, Mode.SUBSCRIPTION: 40}[request.cart.mode]
    assert 1 <= len(items) <= limit
    assert len({item.price for item in items}) == len(items)
    assert all(type(item.quantity) is int for item in items)
    assert all(1 <= item.quantity <= quantity_max for item in items)
    assert all(item.price.startswith("price_") and item.price.isascii() for item in items)
    reference = request.client_reference_id
    assert reference is None or 1 <= len(reference) <= 200


def _leads_somewhere(document: object, pointer: str) -> bool:
    """RFC 6901: all but the last step must exist; the last may be what is missing."""
    *steps, _ = pointer.split("/") if pointer else ("", "")
    place: Any = document
    for step in steps[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        place = place[int(name)] if isinstance(place, list) else place[name]
    return isinstance(place, dict | list) or not pointer or pointer == "/payload"
