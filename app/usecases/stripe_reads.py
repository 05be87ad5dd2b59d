"""The port for reading from Stripe, and its errors."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Protocol

Document = Mapping[str, object]


class StripeReadError(Exception):
    """Something could not be read from Stripe. The text is safe to log and to show.

    `retry_after_s` is how long Stripe asks us to wait, if it does.
    """

    def __init__(self, reason: str, *, retry_after_s: int | None = None) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


class StripeKeyRefusedError(StripeReadError):
    """The key is wrong, or lacks a permission; the text says which."""


class StripeRateLimitedError(StripeReadError):
    """There were too many calls, perhaps by other programs with the same account."""


class StripeUnavailableError(StripeReadError):
    """No answer, an incomplete one, or an error of Stripe's; retrying later may work."""


class StripeMalformedError(StripeReadError):
    """An undocumented answer, or a call that Stripe did not understand."""


class StripeObjectMissingError(StripeReadError):
    """The account has no such object."""


class StripeReads(Protocol):
    """Reads Stripe's API, slowly. Each method raises `StripeReadError`, and nothing else."""

    def events(
        self, types: Sequence[str], *, since_s: int, only_undelivered: bool
    ) -> AsyncIterator[Sequence[Document]]:
        """Yield events of these types (at most 20) since then, page by page, oldest first."""
        ...

    async def read(self, object_type: str, object_id: str) -> Document:
        """Return one object, like a `checkout.session`, in its current state."""
        ...

    async def line_items(self, session_id: str) -> Sequence[Document]:
        """Return the line items of a Checkout Session."""
        ...
