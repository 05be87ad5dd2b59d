"""How long things took, to be told at the end of a run. No figure decides a test."""

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from statistics import median


class Figures:
    """Times by name."""

    def __init__(self) -> None:
        self._times_ms: defaultdict[str, list[float]] = defaultdict(list)

    @contextmanager
    def time(self, name: str) -> Iterator[None]:
        """Measure the block; one that fails is no figure."""
        began = time.perf_counter()
        yield
        self._times_ms[name].append((time.perf_counter() - began) * 1000)

    @property
    def lines(self) -> Sequence[str]:
        return [
            f"{name}: median {median(times):.0f} ms, worst {max(times):.0f} ms (n={len(times)})"
            for name, times in self._times_ms.items()
        ]
