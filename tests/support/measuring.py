"""Which tests measure coverage: those of single parts, not those of the whole system.

Measuring makes Python half as slow again. Tests of the whole system repeat millions of lines, and
execute hardly one that the tests of the parts do not. Processes that tests start are not measured.
"""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_TESTS: Final = Path(__file__).parents[1]
_OF_THE_WHOLE: Final = frozenset(
    ["clients", "cluster", "container", "deploy", "docs", "durability", "e2e", "fuzz", "installs"]
)


def is_measured(path: Path) -> bool:
    """Return whether the tests of this file measure coverage."""
    return path.relative_to(_TESTS).parts[0] not in _OF_THE_WHOLE


@contextmanager
def unmeasured() -> Iterator[None]:
    """Measure no coverage meanwhile."""
    here, in_threads = sys.gettrace(), threading.gettrace()
    sys.settrace(None)
    threading.settrace(None)
    try:
        yield
    finally:
        threading.settrace(in_threads)
        sys.settrace(here)
