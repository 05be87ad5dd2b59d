"""POST /checkout: a cart from a shop's page, as JSON or as a plain form; out comes a redirect."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import Final
from urllib.parse import parse_qsl

import orjson
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

from app.domain.checkout.cart import read_checkout_request
from app.domain.checkout.idempotency import read_idempotency_key
from app.domain.errors import Fault, InvalidCartError, InvalidJsonError
from app.usecases.records import Checkout
from app.usecases.start_checkout import StartCheckout
from app.usecases.start_checkout_once import StartCheckoutOnce
from app.web.errors import OriginNotAllowedError, UnsupportedMediaTypeError
from app.web.http.body import BODY_TIMEOUT_S, read_body
from app.web.http.body_budget import CART_BYTES_MAX, BodyLease
from app.web.http.client_address import Network, client_bucket
from app.web.http.negotiation import wants_json_answer
from app.web.http.shares import Shares

BODY_BYTES_MAX: Final = 64 * 1024
JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"

_FORM_FIELDS: Final = (
    "mode",
    "success_url",
    "cancel_url",
    "client_reference_id",
    "idempotency_key",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutEndpoint:
    """Reads a cart, starts its checkout, and sends the buyer on.

    `enforced_origins` None means that no Origin is refused: the owner has listed none.
    """

    start_checkout: StartCheckout
    start_checkout_once: StartCheckoutOnce
    check_client: Callable[[str], Awaitable[None]]
    trusted_proxies: tuple[Network, ...]
    quantity_max: int
    enforced_origins: Collection[str] | None
    budget: Shares = field(default_factory=lambda: Shares(CART_BYTES_MAX))
    body_timeout_s: float = BODY_TIMEOUT_S

    async def __call__(self, request: Request) -> Response:
        """Answer one request, or raise a `CheckoutError`."""
        client = client_bucket(request.scope, self.trusted_proxies)
        await self.check_client(client)
        with BodyLease(self.budget, lambda: client) as lease:
            body = await read_body(
                request.receive,
                request.headers,
                lease=lease,
                body_bytes_max=BODY_BYTES_MAX,
                timeout_s=self.body_timeout_s,
            )
            return await self._start(request, body, client)

    async def _start(self, request: Request, body: bytes, client: str) -> Response:
        self._check_origin(request.headers)
        document, form_key = _document(body, request.headers)
        key_text = request.headers.get("idempotency-key", form_key)
        key = None if key_text is None else read_idempotency_key(key_text)
        cart = read_checkout_request(document, quantity_max=self.quantity_max)
        cart = replace(cart, client=client)

        async def still_wanted() -> bool:
            return not await request.is_disconnected()

        if key is None:
            checkout = await self.start_checkout(cart, still_wanted)
        else:
            checkout = await self.start_checkout_once(cart, key, still_wanted)
        return _answer(checkout, request.headers)

    def _check_origin(self, headers: Headers) -> None:
        """A browser says which page sends a form or a fetch; programs say nothing, and may."""
        origin = headers.get("origin")
        if origin is None or self.enforced_origins is None:
            return
        if origin.lower() not in self.enforced_origins:
            raise OriginNotAllowedError(
                "That page is not one of the shop's; the owner lists them in ALLOWED_ORIGINS."
            )


def _document(body: bytes, headers: Headers) -> tuple[object, str | None]:
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


def _answer(checkout: Checkout, headers: Headers) -> Response:
    body = orjson.dumps(
        {
            "checkout_id": checkout.id,
            "url": checkout.url,
            "session_id": checkout.session_id,
            "status_url": f"/checkout/{checkout.id}",
        }
    )
    fixed = {"Cache-Control": "no-store", "Vary": "Accept, Sec-Fetch-Mode"}
    if wants_json_answer(headers):
        return Response(body, 200, fixed, media_type=JSON)
    return Response(body, 303, {**fixed, "Location": checkout.url}, media_type=JSON)
