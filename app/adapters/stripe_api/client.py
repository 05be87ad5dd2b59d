"""Calls Stripe's API, with limits on time, size and pace.

This does not use Stripe's SDK, which takes 0.3 s to import and whose default HTTP client blocks the
event loop.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

import httpx
import orjson

from app.adapters.http_answers import read_capped, what_happened
from app.adapters.stripe_api.pace import Pace
from app.adapters.stripe_api.refusals import refusal_of
from app.domain.retry_after import read_retry_after
from app.domain.stripe_events.registered import API_VERSION
from app.domain.stripe_events.tolerant_json import read_tolerantly
from app.usecases.stripe_reads import Document, StripeMalformedError, StripeUnavailableError

CALL_TIMEOUT_S: Final = 20.0  # Stripe's own lists take a few seconds at worst
ANSWER_BYTES_MAX: Final = 16 * 1024 * 1024  # a page of 100 events of 12 KB is 1.2 MB
_REFUSAL_BYTES_MAX: Final = 64 * 1024
_OK: Final = 200

# Everything that httpx raises: a broken answer, or no answer. A test checks that this is complete.
_FAILURES: Final = (
    httpx.HTTPError,
    httpx.InvalidURL,
    httpx.CookieConflict,
    httpx.StreamError,
)
_BROKEN: Final = (httpx.RemoteProtocolError, httpx.DecodingError)


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeAccess:
    """The URL and credentials of Stripe's API.

    `account` is the connected account if the key is a platform's; None for the account's own key.
    """

    url: str
    key: str
    account: str | None = None

    def __repr__(self) -> str:
        """Hide the key."""
        return f"StripeAccess({self.url})"


class StripeClient:
    """Calls Stripe. All users of the same key in this process share `pace`."""

    def __init__(
        self,
        access: StripeAccess,
        *,
        transport: httpx.AsyncBaseTransport,
        version: str,
        pace: Pace | None = None,
        call_timeout_s: float = CALL_TIMEOUT_S,
    ) -> None:
        self._url = access.url.rstrip("/")
        self._headers = {
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "Authorization": f"Bearer {access.key}",
            "Stripe-Version": API_VERSION,
            "User-Agent": f"altan-checkout/{version}",
        }
        if access.account:
            self._headers["Stripe-Account"] = access.account
        self._transport = transport
        self._pace = pace or Pace()
        self._call_timeout_s = call_timeout_s

    async def get(self, path: str, query: Iterable[tuple[str, str]] = ()) -> Document:
        """Return the JSON object at a path like `/v1/events`.

        Raises:
            StripeReadError: it cannot be read; nothing else is raised.
        """
        question = urlencode(list(query))
        url = f"{self._url}{path}{'?' if question else ''}{question}"
        return await self._read(path, httpx.Request("GET", url, headers=self._headers))

    async def post(self, path: str, form: Iterable[tuple[str, str]]) -> Document:
        """Send a form once, and return the JSON object that Stripe made of it.

        Raises:
            StripeReadError: there is no such answer; Stripe may have done it all the same.
        """
        headers = self._headers | {"Content-Type": "application/x-www-form-urlencoded"}
        body = urlencode(list(form)).encode()
        request = httpx.Request("POST", f"{self._url}{path}", headers=headers, content=body)
        return await self._read(path, request)

    async def _read(self, path: str, request: httpx.Request) -> Document:
        await self._pace.turn()
        try:
            async with asyncio.timeout(self._call_timeout_s):
                status, headers, body = await self._call(request)
        except TimeoutError as error:
            raise StripeUnavailableError("Stripe did not answer in time") from error
        except _FAILURES as error:
            kind = StripeMalformedError if isinstance(error, _BROKEN) else StripeUnavailableError
            raise kind(f"Stripe cannot be read: {what_happened(error)}") from error
        if status != _OK:
            wait_s = read_retry_after(headers.get("retry-after", ""))
            raise refusal_of(status, body, path, retry_after_s=wait_s)
        return _object(body)

    async def _call(self, request: httpx.Request) -> tuple[int, httpx.Headers, bytes]:
        response = await self._transport.handle_async_request(request)
        try:
            is_ok = response.status_code == _OK
            body = await read_capped(response, ANSWER_BYTES_MAX if is_ok else _REFUSAL_BYTES_MAX)
        finally:
            await response.aclose()
        return response.status_code, response.headers, body


def _object(body: bytes) -> Document:
    """Parse an answer; its texts may end in the middle of a character."""
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        try:
            answer = read_tolerantly(body)
        except ValueError as error:
            raise StripeMalformedError("Stripe's answer is not JSON") from error
    if not isinstance(answer, dict):
        raise StripeMalformedError("Stripe's answer is not a JSON object")
    return answer
