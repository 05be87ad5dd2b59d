"""Shares out something scarce, so that nobody can take all of it.

A party may hold as much as is still free, and no more. One party alone gets half; beside N parties
that take all they can get, 1 / (N + 1) stays free for the next one. Every act costs the same.
"""


class Shares:
    """`capacity` of something, of which one party holds `of_one` at most."""

    def __init__(self, capacity: int, *, of_one: int | None = None) -> None:
        self.capacity = capacity
        self.used = 0
        self._of_one = capacity if of_one is None else of_one
        self._held: dict[str, int] = {}

    def held_by(self, party: str) -> int:
        """How much `party` holds."""
        return self._held.get(party, 0)

    def take(self, party: str, amount: int = 1) -> bool:
        """Whether `party` now holds `amount` more."""
        held = self._held.get(party, 0) + amount
        if held > min(self._of_one, self.capacity - self.used):
            return False
        self._held[party] = held
        self.used += amount
        return True

    def give_back(self, party: str, amount: int = 1) -> None:
        """Free what was taken."""
        self.used -= amount
        self._held[party] -= amount
        if not self._held[party]:
            del self._held[party]

    def take_unshared(self, amount: int = 1) -> bool:
        """Whether there is room for what nobody holds for long, or many parties share."""
        if amount > self.capacity - self.used:
            return False
        self.used += amount
        return True

    def give_back_unshared(self, amount: int = 1) -> None:
        """Free it."""
        self.used -= amount
