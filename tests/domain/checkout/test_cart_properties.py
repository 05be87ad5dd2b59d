"""Any JSON is either a cart within the limits, or an error that says where."""

from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.checkout.cart import (
    FAULTS_MAX,
    CheckoutRequest,
    Mode,
    read_checkout_request,
)
from app.domain.errors import Fault, InvalidCartError
from tests.support.cart_documents import enveloped

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
