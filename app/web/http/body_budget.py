"""How many bytes of request bodies the process holds at once: one budget, shared by client.

Carts have a budget of their own, so that they never take what Stripe's events need.
"""

from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from app.domain.limits.networks import networks_of
from app.web.errors import OverloadedError
from app.web.http.shares import Shares

WEBHOOK_BYTES_MAX: Final = 48 * 1024 * 1024  # some 5,000 ordinary events, or 48 of the largest
CART_BYTES_MAX: Final = 16 * 1024 * 1024


class BodyLease:
    """What one request holds of a budget, until its answer is made.

    A body that has come whole is counted, and no more: it is judged at once, and a forged one is
    gone before anything else is read. One that is still coming needs a share of its client's and of
    the networks around it.
    """

    __slots__ = ("_client", "_held", "_parties", "_shares")

    def __init__(self, shares: Shares, client: Callable[[], str]) -> None:
        self._shares = shares
        self._client = client
        self._parties: tuple[str, ...] = ()
        self._held = 0

    def hold_whole(self, size: int) -> None:
        """Hold a body that has come whole.

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
        """Hold `size` in all of a body that is still coming.

        Raises:
            OverloadedError: this client holds its share, or there is no room.
        """
        more = size - self._held
        if more <= 0:
            return
        self._parties = self._parties or networks_of(self._client())
        if not self._shares.take(self._parties, more):
            raise _overloaded()
        self._held = size

    def __enter__(self) -> Self:
        """Begin with nothing."""
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        """Free all of it."""
        if self._held:
            self._shares.give_back(self._parties, self._held)


def _overloaded() -> OverloadedError:
    return OverloadedError("Too many large requests are being read at once. Please try again.")
