"""Counts by name in a sliding window, with bounded memory and constant cost per count.

It has two tables, for the current fixed window and the previous one. An older table is emptied a
few names at a time; nothing ever iterates over a complete table.
"""

from collections import OrderedDict
from typing import Final

from app.domain.limits.rate_limits import Counted

EMPTIED_AT_ONCE: Final = 4  # more than one call adds, so that a table is emptied in time


class SlidingCounts:
    """At most `names_max` names in a window; beyond that, the least recently used is forgotten.

    Add a client's name before its networks' names: a network is then always more recent than its
    members, so a forgotten client still counts in its network.
    """

    def __init__(self, *, window_s: int, names_max: int) -> None:
        self._window_s = window_s
        self._names_max = names_max
        self._window = 0
        self._current: OrderedDict[int, int] = OrderedDict()
        self._previous: OrderedDict[int, int] = OrderedDict()
        self._retired: list[OrderedDict[int, int]] = []
        self.steps = 0
        """How many names were touched so far, as a measure of the work done."""

    def __len__(self) -> int:
        return sum(map(len, (self._current, self._previous, *self._retired)))

    def of(self, name: str, now_s: float) -> Counted:
        """Return the count of `name`. `now_s` never decreases."""
        self._turn(now_s)
        self.steps += 1
        key, part = _key(name), now_s / self._window_s - self._window
        return Counted(self._current.get(key, 0), self._previous.get(key, 0), part)

    def add(self, name: str, now_s: float) -> None:
        """Add one to `name`."""
        self._turn(now_s)
        self.steps += 1
        key = _key(name)
        self._current[key] = self._current.get(key, 0) + 1
        self._current.move_to_end(key)
        if len(self._current) > self._names_max:
            self._current.popitem(last=False)

    def _turn(self, now_s: float) -> None:
        window = int(now_s // self._window_s)
        if window != self._window:
            self._retired.append(self._previous)
            self._previous = self._current
            if window > self._window + 1:
                self._retired.append(self._previous)
                self._previous = OrderedDict()
            self._current = OrderedDict()
            self._window = window
        for _ in range(EMPTIED_AT_ONCE):
            self._empty_one()

    def _empty_one(self) -> None:
        if not self._retired:
            return
        self.steps += 1
        if self._retired[-1]:
            self._retired[-1].popitem()
        else:
            self._retired.pop()


def _key(name: str) -> int:
    """Return Python's 64-bit hash, which has a secret seed, so that nobody can cause collisions.

    A name may be up to 300 characters that a client chose; all hashes have the same size.
    """
    return hash(name)
