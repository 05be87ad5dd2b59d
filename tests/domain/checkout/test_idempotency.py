import hashlib

import pytest

from app.domain.checkout.cart import Cart, CreatedBy, LineItem, Mode
from app.domain.checkout.idempotency import KEY_LIFE_MS, fingerprint, read_idempotency_key
from app.domain.errors import (
    CheckoutInProgressError,
    ConflictError,
    IdempotencyKeyReusedError,
    InvalidCartError,
    RateLimitedError,
)
from tests.support.builders import checkout_request

CART = Cart((LineItem("price_A", 1), LineItem("price_B", 2)), Mode.PAYMENT)


@pytest.mark.parametrize("text", ["k", "~" * 255, " "])
def test_a_good_key_is_kept_as_its_digest_alone(text: str) -> None:
    key = read_idempotency_key(text)

    assert len(key.digest) == 64
    assert key == read_idempotency_key(text) != read_idempotency_key(text[:-1] + "x")


def test_a_browsers_key_is_kept_as_before_and_a_servers_key_is_another_one() -> None:
    browsers, servers = (read_idempotency_key("order-1042", by) for by in CreatedBy)

    assert browsers == read_idempotency_key("order-1042")
    assert browsers.digest == hashlib.sha256(b"order-1042").hexdigest()
    assert servers != browsers
    assert servers == read_idempotency_key("order-1042", CreatedBy.SERVER)


@pytest.mark.parametrize("text", ["", "k" * 256, "a\nb", "a\x7f", "é", "k\n"])
def test_a_key_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(InvalidCartError) as caught:
        read_idempotency_key(text)

    assert [fault.pointer for fault in caught.value.faults] == ["/idempotency_key"]


@pytest.mark.parametrize(
    "text",
    [
        "… a random UUID, made as this page is rendered",
        "&#8230; a random UUID, made as this page is rendered",  # a page without the character
        "\xe2\x80\xa6 a random UUID, made as this page is rendered",  # as a header is read
        "a random UUID, made as this page is rendered",
        "a random UUID",
        "undefined",
        "null",
        "NaN",
        "[object Object]",
        "[object Promise]",
        "{{ uuid4() }}",
        "order-{{ id }}",
        "${crypto.randomUUID()}",
        "<%= SecureRandom.uuid %>",
        "{% uuid %}",
        "{{\n}}",
    ],
)
def test_a_placeholder_that_all_buyers_would_share_is_refused_with_what_to_do(text: str) -> None:
    with pytest.raises(InvalidCartError) as caught:
        read_idempotency_key(text)

    (fault,) = caught.value.faults
    assert fault.pointer == "/idempotency_key"
    assert "placeholder" in fault.detail
    assert "a new one for each buyer and cart" in fault.detail


@pytest.mark.parametrize(
    "text",
    ["{}", "$1", "<k>", "%7B", "undefined-1", "nullable", "{a}{b}", '"9f1c"', "random UUID", "{{"],
)
def test_what_only_looks_a_little_like_a_placeholder_is_a_key(text: str) -> None:
    assert len(read_idempotency_key(text).digest) == 64


def test_where_and_in_which_order_a_cart_stood_does_not_matter() -> None:
    reordered = Cart(tuple(reversed(CART.line_items)), CART.mode)

    assert fingerprint(checkout_request(CART)) == fingerprint(
        checkout_request(reordered, at="/payload", positions=(5, 7))
    )


def test_all_that_is_asked_for_matters() -> None:
    subscription = Cart(CART.line_items, Mode.SUBSCRIPTION)
    more = Cart((LineItem("price_A", 2), LineItem("price_B", 1)), Mode.PAYMENT)
    prints = {
        fingerprint(request)
        for request in (
            checkout_request(CART),
            checkout_request(subscription),
            checkout_request(more),
            checkout_request(CART, success_url="https://shop.example/a"),
            checkout_request(CART, cancel_url="https://shop.example/a"),
            checkout_request(CART, client_reference_id="a"),
        )
    }

    assert len(prints) == 6


def test_the_conflicts_of_keys_are_conflicts_and_a_limit_knows_its_figures() -> None:
    assert issubclass(CheckoutInProgressError, ConflictError)
    assert issubclass(IdempotencyKeyReusedError, ConflictError)
    error = RateLimitedError("words", limit=3, remaining=0, retry_after_s=9)
    assert (error.limit, error.remaining, error.retry_after_s) == (3, 0, 9)


def test_a_key_lives_for_a_day() -> None:
    assert KEY_LIFE_MS == 86_400_000
