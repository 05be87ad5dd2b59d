"""This machine: which core does what, what a process costs, and what the disk takes to sync."""

import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Final

MB: Final = 1_000_000
IN_MEMORY_MS: Final = 0.02  # no disk syncs faster than this; a file system in memory does

_SYNCS: Final = 200
_PROC: Final = Path("/proc")


def describe(*, pinned: bool) -> str:
    """One line about the machine, for the head of a report."""
    system = f"{platform.system()} {platform.machine()}"
    python = f"{platform.python_implementation()} {platform.python_version()}"
    placing = "the server on one, all else on another" if pinned else "nobody pinned to one"
    return f"{system}, {_processor()}, {os.cpu_count()} cores ({placing}), {python}"


class Cores:
    """One core for the server under test, another for the load and the fake upstream."""

    def __init__(self) -> None:
        """Pins this process, which drives the load, where there are two cores to be had."""
        allowed = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_setaffinity") else []
        self.pinned = len(allowed) > 1
        self.count = len(allowed) or os.cpu_count() or 1
        self._allowed = set(allowed)
        self._server, self._load = (
            (set(allowed[:1]), set(allowed[1:2])) if self.pinned else (set(), set())
        )
        _stay_on(self._load)

    @contextmanager
    def for_server(self) -> Iterator[None]:
        """A process started inside runs on the server's core: children inherit the affinity."""
        _stay_on(self._server)
        try:
            yield
        finally:
            _stay_on(self._load)

    @contextmanager
    def for_load(self) -> Iterator[None]:
        """A process started inside shares the core with the load generator."""
        _stay_on(self._load)
        yield

    @contextmanager
    def for_all(self) -> Iterator[None]:
        """Everybody goes where there is room: this process, and what it starts inside."""
        _stay_on(self._allowed)
        try:
            yield
        finally:
            _stay_on(self._load)


def _stay_on(cores: set[int]) -> None:
    if cores:
        os.sched_setaffinity(0, cores)


def load() -> str:
    """How busy the machine has been in the last minute: what others do here blurs the figures."""
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"


def resident_bytes(pid: int) -> int | None:
    """Return a process's resident memory, if the system provides it."""
    try:
        pages = int((_PROC / str(pid) / "statm").read_text().split()[1])
    except OSError:
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def cpu_seconds(pid: int) -> float | None:
    """Return the CPU time of a process and its children, if the system provides it."""
    try:
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        children = (_PROC / str(pid) / "task" / str(pid) / "children").read_text().split()
    except OSError:
        return None
    own_and_gone = sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    return own_and_gone + sum(cpu_seconds(int(child)) or 0.0 for child in children)


def sync_ms(folder: Path) -> float:
    """The median time to append 4 KiB to a file in `folder` and have it on disk."""
    path, block, times = folder / "sync", bytes(4096), []
    with path.open("wb", buffering=0) as file:
        for _ in range(_SYNCS):
            began = time.perf_counter()
            file.write(block)
            os.fsync(file.fileno())
            times.append(time.perf_counter() - began)
    path.unlink()
    return median(times) * 1000


def _processor() -> str:
    try:
        lines = (_PROC / "cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown processor"
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "unknown processor")
