"""Which tests measure coverage: those of single parts, not those of the whole system.

Measuring makes Python half as slow again, and a process needs 0.8 s more to start. Tests of the
whole system start many processes and repeat millions of lines, and execute none that the tests of
the parts do not.
"""

import os
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
_FOR_PROCESSES: Final = "COVERAGE_PROCESS_CONFIG"  # starts coverage in every process that sees it


def is_measured(path: Path) -> bool:
    """Return whether the tests of this file measure coverage."""
    return path.relative_to(_TESTS).parts[0] not in _OF_THE_WHOLE


@contextmanager
def unmeasured() -> Iterator[None]:
    """Measure no coverage meanwhile, neither here nor in processes that are started."""
    here, in_threads = sys.gettrace(), threading.gettrace()
    in_processes = os.environ.pop(_FOR_PROCESSES, None)
    sys.settrace(None)
    threading.settrace(None)
    try:
        yield
    finally:
        threading.settrace(in_threads)
        sys.settrace(here)
        if in_processes is not None:
            os.environ[_FOR_PROCESSES] = in_processes
