"""What a buyer is told when Altan Pay cannot be used; the reason is for the operator's log."""

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
    """There was no connection: refused, no name, no TLS. No cart can be the cause."""


Failure = TypeVar("Failure", bound=ServiceFailedError)

WORDS: Final[Mapping[type[ServiceFailedError], str]] = {
    AltanPayUnavailableError: "Nothing was charged. Please try again in a moment.",
    AltanPayTimeoutError: "Nothing was charged. Please try again.",
    AltanPayMalformedError: "Nothing was charged. Please try again later.",
    AltanPayMisconfiguredError: "Nothing was charged. The shop's owner has to mend this.",
}


def failure(kind: type[Failure], reason: str) -> Failure:
    """An error of this kind, with its words, or those of its nearest base."""
    words = next(WORDS[base] for base in kind.__mro__ if base in WORDS)
    return kind(words, reason=reason)


def unavailable(reason: str, *, retry_after_s: int | None) -> AltanPayUnavailableError:
    """Altan Pay cannot be used now, and it is known when it may be."""
    return AltanPayUnavailableError(
        WORDS[AltanPayUnavailableError], reason=reason, retry_after_s=retry_after_s
    )
