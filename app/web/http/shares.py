"""Divides a limited resource, so that nobody can take all of it.

A party may hold as much as is still free, and no more. A single party gets half. If N parties take
all they can get, 1 / (N + 1) stays free for the next one. Every operation costs the same.
"""

from collections.abc import Sequence


class Shares:
    """A resource with this `capacity`.

    A caller names all parties that it belongs to: the client and the networks around it, so that no
    household or provider gets more by using many addresses. What is held only briefly, or by many
    clients together, names no party and only needs room.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.used = 0
        self._held: dict[str, int] = {}

    def held_by(self, party: str) -> int:
        """Return how much `party` holds."""
        return self._held.get(party, 0)

    def take(self, parties: Sequence[str], amount: int = 1) -> bool:
        """Add `amount` to each of `parties`, and return True; False if one of them has no room."""
        free = self.capacity - self.used
        if amount > free:
            return False
        for party in parties:
            if self._held.get(party, 0) + amount > free:
                return False
        for party in parties:
            self._held[party] = self._held.get(party, 0) + amount
        self.used += amount
        return True

    def give_back(self, parties: Sequence[str], amount: int = 1) -> None:
        """Release what was taken."""
        self.used -= amount
        for party in parties:
            self._held[party] -= amount
            if not self._held[party]:
                del self._held[party]
