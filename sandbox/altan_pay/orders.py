"""Reads the body of Altan Pay's documented call and rejects what Stripe would reject."""

from collections.abc import Collection
from urllib.parse import urlsplit

import orjson

from sandbox.shop.prices import Mode, find_price
from sandbox.stripe.sessions import Line, Order

PAYLOAD_FIELDS = ("success_url", "cancel_url", "line_items", "mode")
# Altan's page documents the four above, and calls the payload "Stripe API parameters". The sandbox
# takes these of Stripe's as well; the session shows the first four, and the others do nothing.
FURTHER_FIELDS = {
    "client_reference_id": str,
    "customer_email": str,
    "locale": str,
    "metadata": dict,
    "allow_promotion_codes": bool,
    "automatic_tax": dict,
    "billing_address_collection": str,
    "consent_collection": dict,
    "custom_fields": list,
    "custom_text": dict,
    "customer_creation": str,
    "invoice_creation": dict,
    "payment_intent_data": dict,
    "payment_method_types": list,
    "phone_number_collection": dict,
    "shipping_address_collection": dict,
    "shipping_options": list,
    "submit_type": str,
    "subscription_data": dict,
    "tax_id_collection": dict,
}
LINE_FIELDS = ("price", "quantity")
# Stripe's docs: api/checkout/sessions/create (line_items, success_url).
LINES_MAX = {Mode.PAYMENT: 100, Mode.SUBSCRIPTION: 40}
URL_CHARACTERS_MAX = 5000
QUANTITY_MAX = 999_999
PRICE_ID_CHARACTERS_MAX = 255


class OrderRefusedError(ValueError):
    """The order is not valid; the message is sent to the caller."""


def parse_order(body: bytes) -> Order:
    """Return the order in `{"payload": {…}}`.

    Raises:
        OrderRefusedError: The body has the wrong shape, or Stripe would reject it.
    """
    payload = _parse_payload(body)
    mode = _parse_mode(payload["mode"])
    order = Order(
        mode=mode,
        lines=_parse_lines(payload["line_items"], mode),
        success_url=_parse_url("success_url", payload["success_url"]),
        cancel_url=_parse_url("cancel_url", payload["cancel_url"]),
        further=_parse_further(payload),
    )
    _check_prices(order)
    return order


def _parse_payload(body: bytes) -> dict[str, object]:
    try:
        envelope = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise OrderRefusedError(f"The body is not JSON: {error}.") from error
    payload = _exact_fields("The body", envelope, ("payload",))["payload"]
    return _exact_fields("payload", payload, PAYLOAD_FIELDS, FURTHER_FIELDS)


def _exact_fields(
    where: str, value: object, fields: Collection[str], optional: Collection[str] = ()
) -> dict[str, object]:
    if not isinstance(value, dict):
        raise OrderRefusedError(f"{where} must be an object.")
    for field in fields:
        if field not in value:
            raise OrderRefusedError(f"{where} has no {field}.")
    for field in value:
        if field not in fields and field not in optional:
            raise OrderRefusedError(f"{where} has an unknown field: {field[:100]}.")
    return value


def _parse_further(payload: dict[str, object]) -> dict[str, object]:
    further = {name: payload[name] for name in FURTHER_FIELDS if name in payload}
    for name, value in further.items():
        if not isinstance(value, FURTHER_FIELDS[name]):
            raise OrderRefusedError(f"payload.{name} has the wrong type.")
    return further


def _parse_mode(value: object) -> Mode:
    if not isinstance(value, str) or value not in tuple(Mode):
        raise OrderRefusedError("payload.mode must be payment or subscription.")
    return Mode(value)


def _parse_url(field: str, value: object) -> str:
    if not isinstance(value, str):
        raise OrderRefusedError(f"payload.{field} must be a string.")
    if len(value) > URL_CHARACTERS_MAX:
        raise OrderRefusedError(f"payload.{field} is longer than {URL_CHARACTERS_MAX} characters.")
    if not _is_web_url(value):
        raise OrderRefusedError(f"payload.{field} is not an http or https URL.")
    return value


def _is_web_url(value: str) -> bool:
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    clean = value.isprintable() and " " not in value
    return clean and parts.scheme in ("http", "https") and bool(parts.hostname)


def _parse_lines(value: object, mode: Mode) -> tuple[Line, ...]:
    if not isinstance(value, list):
        raise OrderRefusedError("payload.line_items must be a list.")
    if not 1 <= len(value) <= LINES_MAX[mode]:
        raise OrderRefusedError(
            f"payload.line_items must have 1 to {LINES_MAX[mode]} items in {mode} mode, "
            f"not {len(value)}."
        )
    return tuple(
        _parse_line(f"payload.line_items[{index}]", item, mode) for index, item in enumerate(value)
    )


def _parse_line(where: str, value: object, mode: Mode) -> Line:
    item = _exact_fields(where, value, LINE_FIELDS)
    price_id, quantity = item["price"], item["quantity"]
    if not isinstance(price_id, str) or not price_id.startswith("price_"):
        raise OrderRefusedError(f"{where}.price: no such price.")
    if len(price_id) > PRICE_ID_CHARACTERS_MAX:
        raise OrderRefusedError(f"{where}.price is too long.")
    # In Python a bool is an int; for Stripe it is not a quantity.
    if type(quantity) is not int or not 1 <= quantity <= QUANTITY_MAX:
        raise OrderRefusedError(f"{where}.quantity must be a whole number, 1 to {QUANTITY_MAX}.")
    return Line(price=find_price(price_id, mode), quantity=quantity)


def _check_prices(order: Order) -> None:
    recurring = [line.price.interval is not None for line in order.lines]
    if order.mode is Mode.PAYMENT and any(recurring):
        raise OrderRefusedError("You specified payment mode but passed a recurring price.")
    if order.mode is Mode.SUBSCRIPTION and not any(recurring):
        raise OrderRefusedError("subscription mode needs at least one recurring price.")
    if len({line.price.currency for line in order.lines}) > 1:
        raise OrderRefusedError("All prices of one session must have the same currency.")
