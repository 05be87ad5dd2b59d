"""Counts by name in a sliding window, in bounded memory, at a cost that no number of names raises.

Two tables are kept: the present fixed window's and the one before. An older one is put aside and
emptied a few names at a time. Nothing ever walks a whole table.
"""

from collections import OrderedDict
from typing import Final

from app.domain.limits.rate_limits import Counted

EMPTIED_AT_ONCE: Final = 4  # more than one call adds, so that a table is empty in time


class SlidingCounts:
    """At most `names_max` names in a window; then the one that waited longest is forgotten.

    Add a client's name before its networks': a network is then always younger than its members,
    so a forgotten client still counts as part of its network.
    """

    def __init__(self, *, window_s: int, names_max: int) -> None:
        self._window_s = window_s
        self._names_max = names_max
        self._window = 0
        self._current: OrderedDict[int, int] = OrderedDict()
        self._previous: OrderedDict[int, int] = OrderedDict()
        self._retired: list[OrderedDict[int, int]] = []
        self.steps = 0
        """Names that were touched so far: the work done."""

    def __len__(self) -> int:
        return sum(map(len, (self._current, self._previous, *self._retired)))

    def of(self, name: str, now_s: float) -> Counted:
        """What `name` holds. `now_s` never goes back."""
        self._turn(now_s)
        self.steps += 1
        key, part = _key(name), now_s / self._window_s - self._window
        return Counted(self._current.get(key, 0), self._previous.get(key, 0), part)

    def add(self, name: str, now_s: float) -> None:
        """Count one more for `name`."""
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
    """Python's hash of a text: 64 bits, with a secret of this process, so nobody can aim at one.

    A name may be 300 characters of a stranger's choice; its hash costs the same for all.
    """
    return hash(name)
