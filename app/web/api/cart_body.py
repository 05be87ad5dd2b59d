"""The body of POST /checkout: a cart as JSON or as a plain form, and the schema of both."""

from itertools import zip_longest
from typing import Final
from urllib.parse import parse_qsl

import orjson
from starlette.datastructures import Headers

from app.domain.errors import Fault, InvalidCartError, InvalidJsonError
from app.web.errors import UnsupportedMediaTypeError
from app.web.openapi import URL, Schema, object_schema
from app.web.payment_json import MODE

JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"

_FORM_FIELDS: Final = (
    "mode",
    "success_url",
    "cancel_url",
    "client_reference_id",
    "idempotency_key",
)

_PRICE: Final[Schema] = {"type": "string", "pattern": "^price_[A-Za-z0-9_]{1,249}$"}
_RETURN_URL: Final[Schema] = URL | {"maxLength": 5000}
_CHOICES: Final[dict[str, Schema]] = {
    "mode": MODE,
    "success_url": _RETURN_URL | {"description": "Where the buyer returns to after paying."},
    "cancel_url": _RETURN_URL | {"description": "Where a buyer who does not pay returns to."},
    "client_reference_id": {
        "type": "string",
        "pattern": "^[A-Za-z0-9_-]{1,200}$",
        "description": "The shop's own id, which Stripe shows with the payment.",
    },
}
IDEMPOTENCY_KEY: Final[Schema] = {"type": "string", "minLength": 1, "maxLength": 255}


def body_schema(quantity_max: int) -> Schema:
    """The body in OpenAPI, with the shop's own limit on quantities."""
    quantity: Schema = {"type": "integer", "minimum": 1, "maximum": quantity_max}
    cart = _cart_schema(quantity)
    wrapped = object_schema("WrappedCart", {"payload": cart}, additionalProperties=False)
    return {
        "content": {
            JSON: {"schema": {"anyOf": [cart, wrapped]}},
            FORM: {"schema": _form_schema(quantity)},
        }
    }


def _cart_schema(quantity: Schema) -> Schema:
    properties = {"price": _PRICE, "quantity": quantity}
    line_item = object_schema("LineItem", properties, additionalProperties=False)
    line_items = {"type": "array", "items": line_item, "minItems": 1, "maxItems": 100}
    example = {"line_items": [{"price": "price_ABC123", "quantity": 2}], "mode": "payment"}
    return object_schema(
        "Cart",
        {"line_items": line_items, **_CHOICES},
        *_CHOICES,
        additionalProperties=False,
        examples=[example],
    )


def _form_schema(quantity: Schema) -> Schema:
    """The n-th price goes with the n-th quantity; a field that nobody filled in is empty."""
    choices = {**_CHOICES, "idempotency_key": IDEMPOTENCY_KEY}
    empty = {"type": "string", "maxLength": 0}
    return object_schema(
        "CartForm",
        {
            "price": {"type": "array", "items": _PRICE, "minItems": 1},
            "quantity": {"type": "array", "items": quantity, "minItems": 1},
            **{name: {"anyOf": [schema, empty]} for name, schema in choices.items()},
        },
        *choices,
        additionalProperties=False,
    )


def read_document(body: bytes, headers: Headers) -> tuple[object, str | None]:
    """The cart's document, and the idempotency key that a form may hold."""
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == JSON:
        return _json_document(body), None
    if media_type == FORM:
        return _form_document(body)
    raise UnsupportedMediaTypeError(f"Send the cart as {JSON} or {FORM}.")


def _json_document(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidJsonError(f"The body is not JSON in UTF-8: {error.msg}.") from error


def _form_document(body: bytes) -> tuple[dict[str, object], str | None]:
    """The same document that a JSON page would send: the n-th price goes with the n-th quantity."""
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict")
    except ValueError as error:
        raise InvalidJsonError("The form is not UTF-8.") from error
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    prices, quantities = fields.pop("price", []), fields.pop("quantity", [])
    document: dict[str, object] = {
        "line_items": [
            _form_line_item(price, quantity) for price, quantity in zip_longest(prices, quantities)
        ]
    }
    for name, values in fields.items():
        if len(values) > 1 and name in _FORM_FIELDS:
            fault = Fault(f"/{name}", "is in the form more than once")
            raise InvalidCartError("The form names a field twice.", faults=[fault])
        if values[0] or name not in _FORM_FIELDS:  # a field left empty in a form is absent
            document[name] = values[0]
    key = document.pop("idempotency_key", None)
    return document, None if key is None else str(key)


def _form_line_item(price: str | None, quantity: str | None) -> dict[str, object]:
    item: dict[str, object] = {}
    if price is not None:
        item["price"] = price
    if quantity is not None:
        is_number = quantity.isascii() and quantity.isdecimal() and len(quantity) <= 9  # noqa: PLR2004
        item["quantity"] = int(quantity) if is_number else quantity
    return item
