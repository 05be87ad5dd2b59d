"""Explains Stripe's error answers (Stripe: api/errors)."""

import re
from collections.abc import Mapping
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
_NAME: Final = re.compile(r"[a-z][a-z_]{0,40}(\[[a-z0-9_]{0,40}\])*")
_BUSY: Final = frozenset({408, 409, 424, 425})


def refusal_of(
    status: int, body: bytes, path: str, *, retry_after_s: int | None = None
) -> StripeReadError:
    """Return the error for a status other than 200, with nothing of the body but names."""
    reason = f"Stripe answered {status} to {path}"
    if status == 401:  # noqa: PLR2004 RFC 9110
        message = "Stripe does not accept the key: it is wrong, expired or revoked"
        return StripeKeyRefusedError(message)
    if status == 403:  # noqa: PLR2004 RFC 9110
        right = _missing_right(body)
        message = (
            f"the key lacks the permission {right}" if right else f"the key may not read {path}"
        )
        return StripeKeyRefusedError(message)
    if status == 404:  # noqa: PLR2004 RFC 9110
        return StripeObjectMissingError(reason)
    if status == 429:  # noqa: PLR2004 RFC 6585
        return StripeRateLimitedError(reason, retry_after_s=retry_after_s)
    if status in _BUSY or status >= 500:  # noqa: PLR2004 RFC 9110: server errors
        return StripeUnavailableError(reason, retry_after_s=retry_after_s)
    names = ", ".join(_names_in(body))
    return StripeMalformedError(f"{reason} ({names})" if names else reason)


def _missing_right(body: bytes) -> str | None:
    message = _error_in(body).get("message")
    found = _RIGHT.search(message) if isinstance(message, str) else None
    return found.group() if found else None


def _names_in(body: bytes) -> list[str]:
    """Return Stripe's error code and the parameter that it is about, if they are plain names."""
    error = _error_in(body)
    values = error.get("code"), error.get("param")
    return [each for each in values if isinstance(each, str) and _NAME.fullmatch(each)]


def _error_in(body: bytes) -> Mapping[str, object]:
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    error = answer.get("error") if isinstance(answer, dict) else None
    return error if isinstance(error, dict) else {}
