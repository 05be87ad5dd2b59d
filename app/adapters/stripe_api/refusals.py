"""Explains Stripe's error answers (Stripe: api/errors)."""

import re
from typing import Final

import orjson

from app.usecases.stripe_reads import (
    StripeKeyRefusedError,
    StripeMalformedError,
    StripeObjectMissingError,
    StripeRateLimitedError,
    StripeReadError,
    StripeUnavailableError,
)

# A restricted key's permission, as Stripe's error names it: "Having the 'rak_event_read' permission
# would allow this request to continue."
_RIGHT: Final = re.compile(r"\brak_[a-z0-9_]{1,80}\b")
_BUSY: Final = frozenset({408, 409, 424, 425})


def refusal_of(
    status: int, body: bytes, path: str, *, retry_after_s: int | None = None
) -> StripeReadError:
    """Return the error for a status other than 200, with nothing of the body but a permission."""
    reason = f"Stripe answered {status} to {path}"
    if status == 401:  # noqa: PLR2004 RFC 9110
        words = "Stripe does not accept the key: it is wrong, expired or revoked"
        return StripeKeyRefusedError(words)
    if status == 403:  # noqa: PLR2004 RFC 9110
        right = _missing_right(body)
        words = f"the key lacks the permission {right}" if right else f"the key may not read {path}"
        return StripeKeyRefusedError(words)
    if status == 404:  # noqa: PLR2004 RFC 9110
        return StripeObjectMissingError(reason)
    if status == 429:  # noqa: PLR2004 RFC 6585
        return StripeRateLimitedError(reason, retry_after_s=retry_after_s)
    if status in _BUSY or status >= 500:  # noqa: PLR2004 RFC 9110: server errors
        return StripeUnavailableError(reason, retry_after_s=retry_after_s)
    return StripeMalformedError(reason)


def _missing_right(body: bytes) -> str | None:
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    error = answer.get("error") if isinstance(answer, dict) else None
    message = error.get("message") if isinstance(error, dict) else None
    found = _RIGHT.search(message) if isinstance(message, str) else None
    return found.group() if found else None
