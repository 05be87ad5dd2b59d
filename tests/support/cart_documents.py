"""Documents of carts, and the results of reading them."""

from collections.abc import Callable

import pytest

from app.domain.checkout.cart import (
    CheckoutRequest,
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


def read(document: object) -> CheckoutRequest:
    return read_checkout_request(document, quantity_max=QUANTITY_MAX)


def faults_of(document: object) -> list[Fault]:
    with pytest.raises(InvalidCartError) as caught:
        read(document)
    return list(caught.value.faults)


def pointers_of(document: object) -> list[str]:
    return [fault.pointer for fault in faults_of(document)]
