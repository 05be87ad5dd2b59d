"""Limits the bytes of request bodies in memory: one budget, divided between clients.

Carts have a separate budget, so that they cannot use up the memory for Stripe's events.
"""

from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from app.domain.limits.networks import networks_of
from app.web.errors import OverloadedError
from app.web.http.shares import Shares

WEBHOOK_BYTES_MAX: Final = 48 * 1024 * 1024  # about 5,000 ordinary events, or 48 of the largest
CART_BYTES_MAX: Final = 16 * 1024 * 1024


class BodyLease:
    """One request's part of a budget, until its body is no longer needed.

    A complete body is only counted: it is verified at once, and a forged one is discarded before
    anything else is read. An incomplete body also needs a share of its client and of the networks
    around it.
    """

    __slots__ = ("_client", "_held", "_parties", "_shares")

    def __init__(self, shares: Shares, client: Callable[[], str]) -> None:
        self._shares = shares
        self._client = client
        self._parties: tuple[str, ...] = ()
        self._held = 0

    def hold_whole(self, size: int) -> None:
        """Reserve memory for a complete body.

        Raises:
            OverloadedError: there is no room.
        """
        if self._parties:
            self.hold_part(size)
            return
        if not self._shares.take((), size):
            raise _overloaded()
        self._held = size

    def hold_part(self, size: int) -> None:
        """Reserve `size` bytes in total for an incomplete body.

        Raises:
            OverloadedError: this client has used its share, or there is no room.
        """
        more = size - self._held
        if more <= 0:
            return
        self._parties = self._parties or networks_of(self._client())
        if not self._shares.take(self._parties, more):
            raise _overloaded()
        self._held = size

    def __enter__(self) -> Self:
        """Start without any memory."""
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        """Release all of it."""
        if self._held:
            self._shares.give_back(self._parties, self._held)


def _overloaded() -> OverloadedError:
    return OverloadedError("Too many large requests are being read at once. Please try again.")
