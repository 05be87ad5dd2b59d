"""POST /checkout: turns a cart, as JSON or a plain form, into a redirect to a payment page."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import orjson
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from app.domain.checkout.cart import CheckoutRequest, CreatedBy, read_checkout_request
from app.domain.checkout.idempotency import IdempotencyKey, read_idempotency_key
from app.domain.checkout.passed_fields import PassedField
from app.domain.errors import (
    AltanPayMalformedError,
    AltanPayMisconfiguredError,
    AltanPayTimeoutError,
    AltanPayUnavailableError,
    CartRefusedError,
    CheckoutInProgressError,
    Fault,
    IdempotencyKeyReusedError,
    InvalidCartError,
    InvalidJsonError,
    PriceNotForSaleError,
    RateLimitedError,
    RedirectNotAllowedError,
    StorageUnavailableError,
)
from app.domain.printable import printable
from app.usecases.records import Checkout
from app.usecases.start_checkout import StartCheckout
from app.usecases.start_checkout_once import StartCheckoutOnce
from app.web.api.cart_body import IDEMPOTENCY_KEY, JSON, body_schema, cancel_url_of, read_cart_body
from app.web.errors import (
    BodyTimeoutError,
    BodyTooLargeError,
    OriginNotAllowedError,
    UnsupportedMediaTypeError,
)
from app.web.http.body import BODY_TIMEOUT_S, read_body
from app.web.http.body_budget import CART_BYTES_MAX, BodyLease
from app.web.http.client_address import Network, client_bucket
from app.web.http.connected import current_request
from app.web.http.negotiation import wants_json_answer
from app.web.http.shares import Shares
from app.web.openapi import TEXT, URL, Operation, content, header, object_schema, or_null, parameter
from app.web.routes import post

BODY_BYTES_MAX: Final = 64 * 1024
_ORIGIN_ECHO_MAX: Final = 100
_ABOUT_NULL: Final = (
    " Browsers send null for a file:// page, in a sandboxed frame, and with Referrer-Policy: "
    "no-referrer."
)
_CHECKOUT: Final = object_schema(
    "Checkout",
    {
        "checkout_id": TEXT | {"description": "The checkout's id, which cannot be guessed."},
        "url": URL | {"description": "The payment page."},
        "session_id": or_null(TEXT)
        | {"description": "The id of Stripe's session, if it is known."},
        "status_url": TEXT
        | {"description": "The path of the payment's status, below the service's address."},
    },
)
_ERRORS: Final = (
    InvalidJsonError,
    OriginNotAllowedError,
    BodyTimeoutError,
    CheckoutInProgressError,
    BodyTooLargeError,
    UnsupportedMediaTypeError,
    InvalidCartError,
    PriceNotForSaleError,
    RedirectNotAllowedError,
    IdempotencyKeyReusedError,
    CartRefusedError,
    RateLimitedError,
    AltanPayMisconfiguredError,
    AltanPayMalformedError,
    AltanPayUnavailableError,
    StorageUnavailableError,
    AltanPayTimeoutError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutEndpoint:
    """Reads a cart, starts its checkout, and redirects the buyer.

    If `enforced_origins` is None, no Origin is refused, because the owner has listed none.
    """

    start_checkout: StartCheckout
    start_checkout_once: StartCheckoutOnce
    check_client: Callable[[str], Awaitable[None]]
    is_from_the_shops_server: Callable[[Headers], bool]
    trusted_proxies: tuple[Network, ...]
    quantity_max: int
    may_pass: Collection[PassedField]
    enforced_origins: Collection[str] | None
    budget: Shares = field(default_factory=lambda: Shares(CART_BYTES_MAX))
    body_timeout_s: float = BODY_TIMEOUT_S

    def routes(self) -> Sequence[BaseRoute]:
        """POST /checkout."""
        return [post("/checkout", self.answer, _start_checkout(self.quantity_max, self.may_pass))]

    async def answer(self, request: Request) -> Response:
        """Answer one request, or raise a `CheckoutError`."""
        client = client_bucket(request.scope, self.trusted_proxies)
        is_servers = self.is_from_the_shops_server(request.headers)
        if not is_servers:  # a shop's server has one address, from which all its buyers come
            await self.check_client(client)
        created_by = CreatedBy.SERVER if is_servers else CreatedBy.BROWSER
        cart, key = await self._read(request, client, created_by)
        with current_request(request):
            if key is None:
                checkout = await self.start_checkout(cart)
            else:
                checkout = await self.start_checkout_once(cart, key)
        return _answer(checkout, request.headers)

    async def _read(
        self, request: Request, client: str, created_by: CreatedBy
    ) -> tuple[CheckoutRequest, IdempotencyKey | None]:
        """Return the cart and its key. The body is gone before Altan Pay is asked."""
        with BodyLease(self.budget, lambda: client) as lease:
            body = await read_body(
                request.receive,
                request.headers,
                lease=lease,
                body_bytes_max=BODY_BYTES_MAX,
                timeout_s=self.body_timeout_s,
            )
            cart, key = self._parse(request, body, created_by)
        return replace(cart, client=client, created_by=created_by), key

    def _parse(
        self, request: Request, body: bytes, created_by: CreatedBy
    ) -> tuple[CheckoutRequest, IdempotencyKey | None]:
        self._check_origin(request.headers)
        document, form_key, is_form = read_cart_body(body, request.headers)
        request.state.way_back = self.start_checkout.redirects.way_back(cancel_url_of(document))
        key = _read_key(request.headers, form_key, created_by)
        cart = read_checkout_request(
            document, quantity_max=self.quantity_max, may_pass=self.may_pass, is_form=is_form
        )
        return cart, key

    def _check_origin(self, headers: Headers) -> None:
        """Check the Origin, which browsers send with forms and fetch; programs may omit it."""
        origin = headers.get("origin")
        if origin is None or self.enforced_origins is None:
            return
        if origin.lower() not in self.enforced_origins:
            shown = printable(origin)[:_ORIGIN_ECHO_MAX]
            hint = _ABOUT_NULL if origin == "null" else ""
            message = f"The origin {shown} is not in ALLOWED_ORIGINS.{hint}"
            raise OriginNotAllowedError(message)


def _read_key(
    headers: Headers, form_key: str | None, created_by: CreatedBy
) -> IdempotencyKey | None:
    """Return the header's key, or else the form's."""
    texts = set(headers.getlist("idempotency-key"))
    if len(texts) > 1:
        fault = Fault("/idempotency_key", "is there more than once, with different values")
        raise InvalidCartError("There is more than one Idempotency-Key.", faults=[fault])
    text = texts.pop() if texts else form_key
    return None if text is None else read_idempotency_key(text, created_by)


def _start_checkout(quantity_max: int, may_pass: Collection[PassedField]) -> Operation:
    return Operation(
        id="startCheckout",
        tag="checkout",
        summary="Start a checkout",
        description=(
            "Turns a cart into a payment page. A form is redirected there; a script that "
            "accepts JSON gets the address."
        ),
        parameters=[
            parameter(
                "header",
                "Idempotency-Key",
                "A retry with the same key and cart gets the same checkout.",
                IDEMPOTENCY_KEY,
            )
        ],
        body=body_schema(quantity_max, may_pass),
        answers={
            "200": {"description": "The checkout, for a script.", **content(_CHECKOUT)},
            "303": {
                "description": "The buyer is redirected to the payment page.",
                "headers": {"Location": header("The payment page.", URL)},
                **content(_CHECKOUT),
            },
        },
        errors=_ERRORS,
    )


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
