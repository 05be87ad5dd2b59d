"""The port through which Stripe is read, and how reading it fails."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Protocol

Document = Mapping[str, object]


class StripeReadError(Exception):
    """Something could not be read from Stripe. Its text is safe to log and to show an operator.

    `retry_after_s` is how long Stripe asks us to wait, where it does.
    """

    def __init__(self, reason: str, *, retry_after_s: int | None = None) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


class StripeKeyRefusedError(StripeReadError):
    """The key is wrong, or lacks a right; the text says which."""


class StripeRateLimitedError(StripeReadError):
    """There were too many calls, perhaps of other programs with the same account."""


class StripeUnavailableError(StripeReadError):
    """No answer, half an answer, or one of Stripe's own failures: later it may work."""


class StripeMalformedError(StripeReadError):
    """An answer that is not what Stripe documents, or a call that Stripe did not understand."""


class StripeObjectMissingError(StripeReadError):
    """The account has no such object."""


class StripeReads(Protocol):
    """Reads Stripe's API, slowly. Each method raises `StripeReadError`, and nothing else."""

    def events(
        self, types: Sequence[str], *, since_s: int, only_undelivered: bool
    ) -> AsyncIterator[Sequence[Document]]:
        """The events of these types, at most 20, created since then: page by page, oldest first."""
        ...

    async def read(self, object_type: str, object_id: str) -> Document:
        """One object, like a `checkout.session`, as it is now."""
        ...

    async def line_items(self, session_id: str) -> Sequence[Document]:
        """What was bought in a Checkout Session."""
        ...
