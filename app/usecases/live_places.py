"""Limits the streams and waiting requests (places) that are open for changes of a payment.

There are limits for each client, for the networks around it, for each payment and in all. When all
places are taken, the network with the most loses one to a network with fewer. Every operation costs
the same, however many places are taken.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Final

from app.domain.limits.holdings import WHOLE, Holdings
from app.domain.limits.networks import networks_of

PLACES_MAX: Final = 4_000  # of 34 KB each
PLACES_OF_CLIENT_MAX: Final = 20  # a household, or an office that shares one address
PLACES_OF_PAYMENT_MAX: Final = 10  # a buyer's tabs and devices


class Full(StrEnum):
    """The limit that was reached."""

    CLIENT = "client"
    NETWORK = "network"
    PAYMENT = "payment"
    ALL = "all"


class Place:
    """One place. Its holder is notified when it must give way."""

    __slots__ = ("client", "gave_way", "payment", "ring")

    def __init__(self, client: str, payment: str, ring: Callable[[], None]) -> None:
        self.client = client
        self.payment = payment
        self.ring = ring
        self.gave_way = False


class LivePlaces:
    """All places of this process. `on_full` is called each time a limit is reached."""

    def __init__(
        self,
        *,
        in_all: int = PLACES_MAX,
        of_client: int = PLACES_OF_CLIENT_MAX,
        of_payment: int = PLACES_OF_PAYMENT_MAX,
        on_full: Callable[[Full], None] = lambda _: None,
    ) -> None:
        self._held = Holdings[Place](in_all=in_all, of_client=of_client)
        self._of_payment = of_payment
        self._on_full = on_full
        self._by_payment: dict[str, dict[Place, None]] = {}  # oldest first

    @property
    def taken(self) -> int:
        """The number of taken places."""
        return self._held.held_in(WHOLE)

    def take(self, client: str, payment: str, ring: Callable[[], None]) -> Place | None:
        """Take a place, or return None. Another place may give way to make room.

        `client` is a name from `networks.py`.
        """
        if not self._has_room(client, payment):
            return None
        place = Place(client, payment, ring)
        self._by_payment.setdefault(payment, {})[place] = None
        self._held.add(client, place)
        return place

    def leave(self, place: Place) -> None:
        """Release a place; one that gave way is released already."""
        if place.gave_way:
            return
        of_payment = self._by_payment[place.payment]
        del of_payment[place]
        if not of_payment:
            del self._by_payment[place.payment]
        self._held.remove(place.client, place)

    def _has_room(self, client: str, payment: str) -> bool:
        full = self._held.full_network(client)
        of_payment = self._by_payment.get(payment, {})
        if len(of_payment) >= self._of_payment:
            oldest = next(iter(of_payment))
            if full in {None, WHOLE, *networks_of(oldest.client)}:
                self._on_full(Full.PAYMENT)
                self._give_way(oldest)
                return True
        return full is None or self._has_taken_from_the_largest(client, full)

    def _has_taken_from_the_largest(self, client: str, full: str) -> bool:
        self._on_full(_what(client, full))
        found = self._held.giver(client, full)
        if found:
            self._give_way(found[1])
        return found is not None

    def _give_way(self, place: Place) -> None:
        self.leave(place)
        place.gave_way = True
        place.ring()


def _what(client: str, full: str) -> Full:
    if full == WHOLE:
        return Full.ALL
    return Full.CLIENT if full == client else Full.NETWORK
