"""Durations to report at the end of a run. They do not decide whether a test passes."""

from collections import defaultdict
from collections.abc import Sequence
from statistics import median


class Figures:
    """Durations by name, and their goals."""

    def __init__(self) -> None:
        self._times_ms: defaultdict[str, list[float]] = defaultdict(list)
        self._goals_ms: dict[str, float] = {}

    def add(self, name: str, time_ms: float, *, goal_ms: float | None = None) -> None:
        """Store a measurement."""
        self._times_ms[name].append(time_ms)
        if goal_ms is not None:
            self._goals_ms[name] = goal_ms

    @property
    def lines(self) -> Sequence[str]:
        return [
            f"{name}: median {median(times):.0f} ms, worst {max(times):.0f} ms"
            f"{self._goal_of(name)} (n={len(times)})"
            for name, times in self._times_ms.items()
        ]

    def _goal_of(self, name: str) -> str:
        goal_ms = self._goals_ms.get(name)
        return "" if goal_ms is None else f", goal {goal_ms:.0f} ms"
