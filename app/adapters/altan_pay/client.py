"""The one documented call: a cart in, the address of a hosted payment page out.

Source: Altan's page "Stripe Connect Checkout via Altan Pay" (2025-08-05). No API key and no extra
header: the account's id and the Stripe Connect id in the URL are all that Altan Pay asks for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

import httpx
import orjson

from app.adapters.altan_pay.failures import UnreachableError, failure, unavailable
from app.adapters.http_answers import read_capped, what_happened
from app.domain.checkout.redirects import PaymentPage, read_payment_page
from app.domain.errors import (
    AltanPayMalformedError,
    AltanPayMisconfiguredError,
    AltanPayTimeoutError,
    AltanPayUnavailableError,
    CartRefusedError,
    CheckoutError,
    ServiceFailedError,
)
from app.domain.retry_after import read_retry_after
from app.usecases.records import SessionOrder

ANSWER_BYTES_MAX: Final = 256 * 1024  # a complete Checkout Session is a few KB

# No header that Altan Pay does not need. Responses must not be compressed, so that a small body
# cannot expand without limit (a "zip bomb").
_HEADERS: Final = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "Content-Type": "application/json",
}
_OK: Final = frozenset({200, 201})
_REFUSED: Final = frozenset({400, 402, 409, 422})
_TRY_LATER: Final = frozenset({408, 425, 429})

# By class or nearest base; a test checks it against everything that httpx can raise.
_FAILURES: Final[dict[type[BaseException], type[ServiceFailedError]]] = {
    httpx.HTTPError: AltanPayUnavailableError,
    httpx.TimeoutException: AltanPayTimeoutError,
    httpx.ConnectError: UnreachableError,
    httpx.PoolTimeout: AltanPayUnavailableError,
    httpx.UnsupportedProtocol: AltanPayMisconfiguredError,
    httpx.LocalProtocolError: AltanPayMisconfiguredError,
    httpx.RemoteProtocolError: AltanPayMalformedError,
    httpx.DecodingError: AltanPayMalformedError,
    httpx.TooManyRedirects: AltanPayMisconfiguredError,
    httpx.InvalidURL: AltanPayMisconfiguredError,
    httpx.CookieConflict: AltanPayMalformedError,
    httpx.StreamError: AltanPayMalformedError,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AltanPayAccount:
    """Altan Pay's URL, and the shop's ids there."""

    url: str
    account_id: str
    stripe_connect_id: str

    def checkout_session_url(self) -> str:
        """The documented URL, with both ids percent-encoded."""
        account, connect = quote(self.account_id, safe=""), quote(self.stripe_connect_id, safe="")
        return (
            f"{self.url.rstrip('/')}/v2/connect/checkout/{account}/create_checkout_session"
            f"?stripe_connect_id={connect}"
        )


class AltanPay:
    """Creates payment pages, one call each. The caller sets the deadline.

    `extra` are further Stripe Checkout parameters for every page (ALTAN_PAY_EXTRA).
    """

    def __init__(
        self,
        account: AltanPayAccount,
        *,
        transport: httpx.AsyncBaseTransport,
        version: str,
        allowed_hosts: frozenset[str],
        extra: Mapping[str, object] | None = None,
    ) -> None:
        self._url = httpx.URL(account.checkout_session_url())
        self._headers = _HEADERS | {"User-Agent": f"altan-checkout/{version}"}
        self._transport = transport
        self._allowed_hosts = allowed_hosts
        self._extra = extra or {}

    async def create(self, order: SessionOrder) -> PaymentPage:
        """Create one payment page.

        Raises:
            CartRefusedError: 400, 402, 409 or 422.
            AltanPayMisconfiguredError: 401, 403, 404, 405, a redirect, or an impossible URL.
            AltanPayMalformedError: an answer that is not `{"url": an allowed https URL}`.
            AltanPayUnavailableError: refused, reset, cut short, 429 or 5xx.
            AltanPayTimeoutError: the network gave up waiting.
        """
        try:
            status, retry_after, body = await self._call(self._payload(order))
        except tuple(_FAILURES) as error:
            raise failure(failure_of(type(error)), what_happened(error)) from error
        if status in _OK:
            return self._payment_page(body)
        raise refusal_of(status, retry_after)

    def _payload(self, order: SessionOrder) -> bytes:
        """The four documented fields; what the owner adds or lets a cart pass on comes behind."""
        documented = {
            "success_url": order.success_url,
            "cancel_url": order.cancel_url,
            "line_items": order.cart.line_items,
            "mode": order.cart.mode,
        }
        return orjson.dumps({"payload": documented | {**self._extra, **order.passed} | documented})

    async def _call(self, payload: bytes) -> tuple[int, str, bytes]:
        # Uses the transport directly: httpx's client adds redirects, cookies, proxies and
        # credentials, which are not wanted here, and costs more than the transport itself.
        request = httpx.Request("POST", self._url, headers=self._headers, content=payload)
        response = await self._transport.handle_async_request(request)
        try:
            body = (
                await read_capped(response, ANSWER_BYTES_MAX)
                if response.status_code in _OK
                else b""
            )
        finally:
            await response.aclose()
        return response.status_code, response.headers.get("retry-after", ""), body

    def _payment_page(self, body: bytes) -> PaymentPage:
        try:
            answer = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise failure(AltanPayMalformedError, "the answer is not JSON") from error
        url = answer.get("url") if isinstance(answer, dict) else None
        if not isinstance(url, str):
            raise failure(AltanPayMalformedError, "the answer has no url")
        try:
            return read_payment_page(url, allowed_hosts=self._allowed_hosts)
        except ValueError as error:
            raise failure(AltanPayMalformedError, f"the answer's url {error}") from error


def failure_of(error: type[BaseException]) -> type[ServiceFailedError]:
    """Return our error class for one of httpx's."""
    return next(_FAILURES[kind] for kind in error.__mro__ if kind in _FAILURES)


def refusal_of(status: int, retry_after: str = "") -> CheckoutError:
    """Return the error for a non-success status. An unknown 4xx means that our call is wrong."""
    reason = f"Altan Pay answered {status}"
    if status in _REFUSED:
        return CartRefusedError(
            "The payment provider refused this cart. Check that its prices exist, are active, "
            "and suit the mode."
        )
    if status in _TRY_LATER or status >= 500:  # noqa: PLR2004 RFC 9110: server errors
        return unavailable(reason, retry_after_s=read_retry_after(retry_after))
    if status >= 300:  # noqa: PLR2004 RFC 9110: redirects and client errors
        return failure(AltanPayMisconfiguredError, reason)
    return failure(AltanPayMalformedError, reason)
