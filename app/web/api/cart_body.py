"""The body of POST /checkout: a cart as JSON or as a plain form, and the schema of both."""

import re
from collections.abc import Collection
from itertools import zip_longest
from typing import Final, NamedTuple
from urllib.parse import parse_qsl

import orjson
from starlette.datastructures import Headers

from app.domain.checkout.passed_fields import (
    EMAIL_LENGTH_MAX,
    LOCALES,
    METADATA_KEY_LENGTH_MAX,
    METADATA_KEYS_MAX,
    METADATA_VALUE_LENGTH_MAX,
    PassedField,
)
from app.domain.errors import Fault, InvalidCartError, InvalidJsonError, member_pointer
from app.domain.printable import printable
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
    "customer_email",
    "locale",
    "idempotency_key",
)
# A price and a quantity of 100 lines, all metadata and the other fields take 258. A body has room
# for many more, and reading them would delay all other requests.
FORM_FIELDS_MAX: Final = 500
_METADATA_FIELD: Final = re.compile(r"metadata\[(?P<key>[^\[\]]*)\]")

_PRICE: Final[Schema] = {"type": "string", "pattern": "^price_[A-Za-z0-9_]{1,249}$"}
_RETURN_URL: Final[Schema] = URL | {"maxLength": 5000}
_CHOICES: Final[dict[str, Schema]] = {
    "mode": MODE,
    "success_url": _RETURN_URL | {"description": "Where the buyer returns after paying."},
    "cancel_url": _RETURN_URL | {"description": "Where the buyer returns without paying."},
    "client_reference_id": {
        "type": "string",
        "pattern": "^[A-Za-z0-9_-]{1,200}$",
        "description": "The shop's own id, which Stripe shows with the payment.",
    },
}
_PASSED: Final[dict[PassedField, Schema]] = {
    PassedField.CUSTOMER_EMAIL: {
        "type": "string",
        "format": "email",
        "maxLength": EMAIL_LENGTH_MAX,
        "description": "Filled in on the payment page.",
    },
    PassedField.LOCALE: {
        "type": "string",
        "enum": [*LOCALES],
        "description": "The payment page's language.",
    },
    PassedField.METADATA: {
        "type": "object",
        "maxProperties": METADATA_KEYS_MAX,
        "propertyNames": {"pattern": f"^[^\\[\\]]{{1,{METADATA_KEY_LENGTH_MAX}}}$"},
        "additionalProperties": {"type": "string", "maxLength": METADATA_VALUE_LENGTH_MAX},
        "description": "The shop's own notes, which Stripe keeps with the session.",
    },
}
IDEMPOTENCY_KEY: Final[Schema] = {"type": "string", "minLength": 1, "maxLength": 255}


def body_schema(quantity_max: int, may_pass: Collection[PassedField]) -> Schema:
    """The body in OpenAPI, with the shop's own limit on quantities and the fields it allows."""
    choices = _CHOICES | {name.value: _PASSED[name] for name in may_pass if name in _PASSED}
    quantity: Schema = {"type": "integer", "minimum": 1, "maximum": quantity_max}
    cart = _cart_schema(quantity, choices)
    wrapped = object_schema("WrappedCart", {"payload": cart}, additionalProperties=False)
    return {
        "content": {
            JSON: {"schema": {"anyOf": [cart, wrapped]}},
            FORM: _form_content(quantity, choices),
        }
    }


def _cart_schema(quantity: Schema, choices: dict[str, Schema]) -> Schema:
    properties = {"price": _PRICE, "quantity": quantity}
    line_item = object_schema("LineItem", properties, additionalProperties=False)
    line_items = {"type": "array", "items": line_item, "minItems": 1, "maxItems": 100}
    example = {"line_items": [{"price": "price_ABC123", "quantity": 2}], "mode": "payment"}
    return object_schema(
        "Cart",
        {"line_items": line_items, **choices},
        *choices,
        additionalProperties=False,
        examples=[example],
    )


def _form_content(quantity: Schema, choices: dict[str, Schema]) -> Schema:
    """The n-th price belongs to the n-th quantity; fields that were not filled in are empty."""
    choices = {**choices, "idempotency_key": IDEMPOTENCY_KEY}
    metadata = choices.pop(PassedField.METADATA, None)
    empty = {"type": "string", "maxLength": 0}
    fields: Schema = {name: {"anyOf": [schema, empty]} for name, schema in choices.items()}
    if metadata:
        fields[PassedField.METADATA.value] = metadata
    schema = object_schema(
        "CartForm",
        {
            "price": {"type": "array", "items": _PRICE, "minItems": 1},
            "quantity": {"type": "array", "items": quantity, "minItems": 1},
            **fields,
        },
        *fields,
        additionalProperties=False,
    )
    # As metadata[key]=value.
    encoding = {PassedField.METADATA.value: {"style": "deepObject", "explode": True}}
    return {"schema": schema, "encoding": encoding} if metadata else {"schema": schema}


class CartBody(NamedTuple):
    """A cart's document, and the idempotency key if a form contains one."""

    document: object
    key: str | None
    is_form: bool


def read_cart_body(body: bytes, headers: Headers) -> CartBody:
    """Read a body of a supported content type.

    Raises:
        UnsupportedMediaTypeError: it has another one.
        InvalidJsonError, InvalidCartError: it cannot be read.
    """
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == JSON:
        return CartBody(_json_document(body), None, is_form=False)
    looks_like_json = body.lstrip().startswith((b"{", b"["))  # forms encode both
    hint = f"The body looks like JSON: send it with Content-Type: {JSON}."
    if media_type != FORM:
        raise UnsupportedMediaTypeError(
            hint if looks_like_json else f"Send the cart as {JSON} or {FORM}."
        )
    if looks_like_json:  # as `curl -d` sends it
        raise InvalidCartError(hint, faults=[Fault("", hint)])
    document, key = _form_document(body)
    return CartBody(document, key, is_form=True)


def cancel_url_of(document: object) -> object:
    """The cart's cancel_url, before it is known whether the cart is valid."""
    if isinstance(document, dict) and isinstance(document.get("payload"), dict):
        document = document["payload"]
    return document.get("cancel_url") if isinstance(document, dict) else None


def _json_document(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidJsonError(f"The body is not JSON in UTF-8: {error.msg}.") from error


def _form_document(body: bytes) -> tuple[dict[str, object], str | None]:
    """Build the same document as JSON; the n-th price belongs to the n-th quantity."""
    if body.count(b"&") >= FORM_FIELDS_MAX:
        fault = Fault("", f"must be a form of at most {FORM_FIELDS_MAX} fields")
        raise InvalidCartError(f"{InvalidCartError.title}: it {fault.detail}.", faults=[fault])
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
    metadata: dict[str, object] = {}
    for name, values in fields.items():
        entry = _METADATA_FIELD.fullmatch(name)
        if len(values) > 1 and (name in _FORM_FIELDS or entry):
            fault = Fault(member_pointer("", name), "is in the form more than once")
            detail = f"{InvalidCartError.title}: {printable(name[:64])} {fault.detail}."
            raise InvalidCartError(detail, faults=[fault])
        if entry:
            metadata[entry["key"]] = values[0]
        elif values[0] or name not in _FORM_FIELDS:  # a field left empty in a form is absent
            document[name] = values[0]
    if metadata:
        document.setdefault(PassedField.METADATA.value, metadata)
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
