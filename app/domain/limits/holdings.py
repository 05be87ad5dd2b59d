"""Counts who holds how much of a limited resource: each client, and the networks around it.

Each of them has a limit. When there is no room, the network that holds most gives something up for
one that holds less. Every operation costs the same, however much is held.
"""

from itertools import pairwise
from typing import Final, Generic, TypeVar

from app.domain.limits.networks import NETWORK_MULTIPLES, networks_of

WHOLE: Final = ""
"""The name of all networks together."""

_NOBODY: Final = "nobody"  # holds nothing

Item = TypeVar("Item")


class _Group(Generic[Item]):
    """A client with its items, or a network with its members by how much they hold."""

    __slots__ = ("by_size", "items", "largest", "size")

    def __init__(self) -> None:
        self.size = 0
        self.items: dict[Item, None] = {}  # oldest first
        self.by_size: dict[int, dict[str, None]] = {}
        self.largest = 0

    def member_resized(self, member: str, before: int, now: int) -> None:
        """Sizes change by one, so the largest changes by at most one."""
        if before:
            del self.by_size[before][member]
            if not self.by_size[before]:
                del self.by_size[before]
        if now:
            self.by_size.setdefault(now, {})[member] = None
        if now > self.largest or self.largest not in self.by_size:
            self.largest = now


class Holdings(Generic[Item]):
    """Items by client. A client may hold `of_client`, its networks a multiple of that.

    `NETWORK_MULTIPLES` has the multiples; all clients together may hold `in_all`. The client None
    stands for many clients, such as a proxy's: only `in_all` limits it, and it gives nothing up.
    """

    def __init__(self, *, in_all: int, of_client: int) -> None:
        self._in_all = in_all
        self._of_client = of_client
        self._groups: dict[str, _Group[Item]] = {WHOLE: _Group()}

    def held_in(self, network: str) -> int:
        """Return how much a client, a network or the `WHOLE` holds."""
        group = self._groups.get(network)
        return group.size if group else 0

    def add(self, client: str | None, item: Item) -> None:
        """Add one item."""
        if client is not None:
            self._groups.setdefault(client, _Group()).items[item] = None
        self._resize(client, 1)

    def remove(self, client: str | None, item: Item) -> None:
        """Remove an item."""
        if client is not None:
            del self._groups[client].items[item]
        self._resize(client, -1)

    def full_network(self, client: str | None) -> str | None:
        """Return the smallest of the client's networks without room; None if all have room.

        The client itself is the smallest, the `WHOLE` the largest.
        """
        networks = _around(client)
        for network, multiple in zip(networks, NETWORK_MULTIPLES[len(networks)], strict=True):
            if self.held_in(network) >= self._of_client * multiple:
                return network
        return WHOLE if self.held_in(WHOLE) >= self._in_all else None

    def giver(self, client: str | None, within: str) -> tuple[str, Item] | None:
        """Return the oldest item in the network `within` that should make room for `client`.

        It belongs to the network and client that hold most. None if none of them holds two more
        than `client` and its networks: equals would only take turns.
        """
        networks = (WHOLE, *(_around(client)[::-1] or (_NOBODY,)))
        for outer, inner in pairwise(networks[networks.index(within) :]):
            held = self.held_in(inner)
            if self._groups[outer].largest > held + 1:
                return self._oldest_of_largest(outer)
            if not held:
                break
        return None

    def _oldest_of_largest(self, network: str) -> tuple[str, Item]:
        while not (group := self._groups[network]).items:
            network = next(iter(group.by_size[group.largest]))
        return network, next(iter(group.items))

    def _resize(self, client: str | None, change: int) -> None:
        for inner, outer in pairwise((*_around(client), WHOLE)):
            group = self._groups[inner]
            before = group.size
            group.size += change
            self._groups.setdefault(outer, _Group()).member_resized(inner, before, group.size)
            if not group.size:
                del self._groups[inner]
        self._groups[WHOLE].size += change


def _around(client: str | None) -> tuple[str, ...]:
    return () if client is None else networks_of(client)
