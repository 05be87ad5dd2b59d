"""Turns errors into responses: problem+json (RFC 9457) for programs, a small page for people.

The statuses are in statuses.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import orjson
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Scope

from app.domain import errors
from app.domain.errors import CheckoutError
from app.web import errors as request_errors
from app.web.http.negotiation import wants_page
from app.web.pages.problem_page import ProblemPages
from app.web.statuses import WITH_RETRY_AFTER, status_of

RETRY_AFTER_S: Final = 5

# After these the client may still be sending, so the connection cannot be reused.
_CLOSING: Final = (request_errors.BodyTooLargeError, request_errors.BodyTimeoutError)


@dataclass(frozen=True, slots=True)
class Problems:
    """Makes the answers. `pages` are for people, and know the shop."""

    pages: ProblemPages

    def answer(self, error: CheckoutError, scope: Scope) -> Response:
        """Return the response for `error`."""
        status = status_of(type(error))
        # For the log line, without its traceback, which would keep the refused body in memory until
        # the connection closes.
        scope["state"]["error"] = error.with_traceback(None)
        headers = error_headers(error, status)
        if wants_page(Headers(scope=scope)):
            headers |= _come_again(scope, headers)
            return self.pages.answer(error, scope, status=status, headers=headers)
        document: dict[str, object] = {
            "type": f"urn:altan-checkout:error:{error.code}",
            "title": error.title,
            "status": status,
            "detail": error.detail,
            "code": error.code,
            "request_id": scope["state"].get("request_id", ""),
        }
        if faults := getattr(error, "query_faults", error.faults):
            document["errors"] = faults
        return Response(
            orjson.dumps(document), status, headers, media_type="application/problem+json"
        )


def _come_again(scope: Scope, headers: Mapping[str, str]) -> dict[str, str]:
    """Also add Refresh to a page that was requested with GET, because browsers ignore Retry-After.

    Otherwise a buyer who waits for a payment without script would stay on the error page.
    """
    if scope["method"] == "GET" and "Retry-After" in headers:
        return {"Refresh": headers["Retry-After"]}
    return {}


def error_headers(error: CheckoutError, status: int) -> dict[str, str]:
    """Return the headers of a response for `error`, as a problem or as a page."""
    headers = {"Cache-Control": "no-store", "Vary": "Accept, Sec-Fetch-Mode"}
    if status in WITH_RETRY_AFTER:
        headers["Retry-After"] = str(getattr(error, "retry_after_s", None) or RETRY_AFTER_S)
    if isinstance(error, errors.RateLimitedError):
        headers["RateLimit-Limit"] = str(error.limit)
        headers["RateLimit-Remaining"] = str(error.remaining)
        headers["RateLimit-Reset"] = str(error.retry_after_s)
    if isinstance(error, request_errors.UnauthorizedError):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, request_errors.MethodNotAllowedError):
        headers["Allow"] = error.allow
    if isinstance(error, _CLOSING):
        headers["Connection"] = "close"
    return headers
