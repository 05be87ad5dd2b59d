"""Shares out something scarce, so that nobody can take all of it.

A party may hold as much as is still free, and no more. One party alone gets half; with N other
parties that take all they can get, 1 / (N + 1) stays free for the next one. Every act costs the
same.
"""

from collections.abc import Sequence


class Shares:
    """`capacity` of something.

    Who takes some names all parties that it belongs to: the client and the networks around it. No
    household and no provider gets more by coming from many addresses. What nobody holds for long,
    or many share, names no party, and needs room alone.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.used = 0
        self._held: dict[str, int] = {}

    def held_by(self, party: str) -> int:
        """How much `party` holds."""
        return self._held.get(party, 0)

    def take(self, parties: Sequence[str], amount: int = 1) -> bool:
        """Whether each of `parties` now holds `amount` more."""
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
        """Free what was taken."""
        self.used -= amount
        for party in parties:
            self._held[party] -= amount
            if not self._held[party]:
                del self._held[party]
