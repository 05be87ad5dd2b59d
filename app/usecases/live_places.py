"""Who may hold a place: a stream or a waiting request, kept open for news of a payment.

Places are for each client, for each payment and in all. What one client can take is little, and
when all places are taken, the client that holds most gives one to a client that holds fewer.
Every act costs the same, however many places are taken.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Final

PLACES_MAX: Final = 4_000  # of 34 KB each
PLACES_OF_CLIENT_MAX: Final = 20  # a household, or an office that shares one address
PLACES_OF_PAYMENT_MAX: Final = 10  # a buyer's tabs and devices


class Full(StrEnum):
    """What had no room for one more."""

    CLIENT = "client"
    PAYMENT = "payment"
    ALL = "all"


class Place:
    """One taken place. Its holder is rung when it has to give way."""

    __slots__ = ("client", "gave_way", "payment", "ring")

    def __init__(self, client: str, payment: str, ring: Callable[[], None]) -> None:
        self.client = client
        self.payment = payment
        self.ring = ring
        self.gave_way = False


_Line = dict[Place, None]  # the oldest first


class LivePlaces:
    """All places of this process. `on_full` hears each time that something has no room."""

    def __init__(
        self,
        *,
        in_all: int = PLACES_MAX,
        of_client: int = PLACES_OF_CLIENT_MAX,
        of_payment: int = PLACES_OF_PAYMENT_MAX,
        on_full: Callable[[Full], None] = lambda _: None,
    ) -> None:
        self._in_all = in_all
        self._of_client = of_client
        self._of_payment = of_payment
        self._on_full = on_full
        self._by_client: dict[str, _Line] = {}
        self._by_payment: dict[str, _Line] = {}
        # Clients by how many places they hold, so that the largest is found without a search.
        self._by_size: dict[int, dict[str, None]] = {}
        self._largest = 0
        self.taken = 0

    def take(self, client: str, payment: str, ring: Callable[[], None]) -> Place | None:
        """A place, or None where there is none. Another's may give way to make room for it."""
        if not self._has_room(client, payment):
            return None
        place = Place(client, payment, ring)
        self._by_payment.setdefault(payment, {})[place] = None
        self._by_client.setdefault(client, {})[place] = None
        self._resize(client, len(self._by_client[client]) - 1)
        self.taken += 1
        return place

    def leave(self, place: Place) -> None:
        """Free a place; one that gave way is free already."""
        if place.gave_way:
            return
        self._remove(self._by_payment, place.payment, place)
        self._remove(self._by_client, place.client, place)
        self._resize(place.client, len(self._by_client.get(place.client, ())) + 1)
        self.taken -= 1

    def _has_room(self, client: str, payment: str) -> bool:
        held = len(self._by_client.get(client, ()))
        of_payment = self._by_payment.get(payment, {})
        if len(of_payment) >= self._of_payment:
            oldest = next(iter(of_payment))
            if held < self._of_client or oldest.client == client:
                self._on_full(Full.PAYMENT)
                self._give_way(oldest)
                return True
        if held >= self._of_client:
            self._on_full(Full.CLIENT)
            return False
        return self.taken < self._in_all or self._has_taken_from_the_largest(held)

    def _has_taken_from_the_largest(self, held: int) -> bool:
        """From equals nothing is taken: they would take turns at no gain to anybody."""
        self._on_full(Full.ALL)
        if self._largest <= held + 1:
            return False
        client = next(iter(self._by_size[self._largest]))
        self._give_way(next(iter(self._by_client[client])))
        return True

    def _give_way(self, place: Place) -> None:
        self.leave(place)
        place.gave_way = True
        place.ring()

    @staticmethod
    def _remove(lines: dict[str, _Line], key: str, place: Place) -> None:
        del lines[key][place]
        if not lines[key]:
            del lines[key]

    def _resize(self, client: str, size_before: int) -> None:
        size = len(self._by_client.get(client, ()))
        if size_before:
            del self._by_size[size_before][client]
        if size:
            self._by_size.setdefault(size, {})[client] = None
        # Sizes change by one, so the largest does, too.
        if size > self._largest or (
            size_before == self._largest and not self._by_size[size_before]
        ):
            self._largest = size
