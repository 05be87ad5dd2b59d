"""The errors that a buyer gets when Altan Pay fails; the reason is only for the log."""

from collections.abc import Mapping
from typing import Final, TypeVar

from app.domain.errors import (
    AltanPayMalformedError,
    AltanPayMisconfiguredError,
    AltanPayTimeoutError,
    AltanPayUnavailableError,
    ServiceFailedError,
)


class UnreachableError(AltanPayUnavailableError):
    """No connection: refused, DNS or TLS failed. A cart cannot be the cause."""


Failure = TypeVar("Failure", bound=ServiceFailedError)

MESSAGES: Final[Mapping[type[ServiceFailedError], str]] = {
    AltanPayUnavailableError: "Nothing was charged. Please try again in a moment.",
    AltanPayTimeoutError: "Nothing was charged. Please try again.",
    AltanPayMalformedError: "Nothing was charged. Please try again later.",
    AltanPayMisconfiguredError: "Nothing was charged. The shop's owner has to fix this.",
}


def failure(kind: type[Failure], reason: str) -> Failure:
    """Return an error of this kind, with its message or that of its nearest base."""
    message = next(MESSAGES[base] for base in kind.__mro__ if base in MESSAGES)
    return kind(message, reason=reason)


def unavailable(reason: str, *, retry_after_s: int | None) -> AltanPayUnavailableError:
    """Return the error for an Altan Pay that can be tried again after `retry_after_s`."""
    return AltanPayUnavailableError(
        MESSAGES[AltanPayUnavailableError], reason=reason, retry_after_s=retry_after_s
    )
