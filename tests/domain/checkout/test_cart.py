"""A request for a checkout: its envelope, its fields, and all faults at once."""

import pytest

from app.domain.checkout.cart import (
    FAULTS_MAX,
    Cart,
    CheckoutRequest,
    LineItem,
    Mode,
)
from app.domain.errors import InvalidCartError
from tests.support.cart_documents import Wrap, both_forms, cart, enveloped, line, pointers_of, read


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


def test_a_name_of_any_length_makes_a_short_answer() -> None:
    pointers = pointers_of(cart(**{"x" * 60_000: 1}))

    assert pointers == ["/" + "x" * 64]


def test_an_envelope_holds_nothing_beside_the_payload() -> None:
    pointers = pointers_of({"payload": cart(), "mode": "payment"})

    assert pointers == ["/payload", "/line_items"]


def test_an_envelope_is_opened_once() -> None:
    pointers = pointers_of(enveloped(enveloped(cart())))

    assert pointers == ["/payload/payload", "/payload/line_items"]


def test_all_faults_are_reported_together_in_document_order() -> None:
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


def test_at_most_twenty_faults_are_listed_but_all_are_counted() -> None:
    document = cart(*[None] * 500)

    with pytest.raises(InvalidCartError) as caught:
        read(document)

    assert len(caught.value.faults) == FAULTS_MAX == 20
    assert caught.value.detail == (
        "The cart is not valid: /line_items/0 must be an object with price and quantity. "
        "499 more: see errors."
    )


@pytest.mark.parametrize(
    ("document", "detail"),
    [
        ([], "the body must be an object with line_items"),
        (cart(None), "/line_items/0 must be an object with price and quantity"),
        (enveloped(cart(None)), "/payload/line_items/0 must be an object with price and quantity"),
        (cart(line(), **{"a\nb": 1}), "/a\\u000ab is not a known field; use line_items, mode, "),
        (
            cart(line(), idempotency_key="k"),
            "/idempotency_key is not a known field; in JSON, send the header Idempotency-Key",
        ),
    ],
)
def test_the_detail_says_the_first_fault(document: object, detail: str) -> None:
    with pytest.raises(InvalidCartError) as caught:
        read(document)

    assert caught.value.detail.startswith(f"The cart is not valid: {detail}")
    assert "more: see errors" not in caught.value.detail
