"""This machine: assigns cores, and measures processes and the disk."""

import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Final

MB: Final = 1_000_000
IN_MEMORY_MS: Final = 0.02  # no disk syncs faster; a file system in memory does

_SYNCS: Final = 200
_PROC: Final = Path("/proc")


def describe(*, pinned: bool) -> str:
    """Return one line about the machine, for the head of a report."""
    system = f"{platform.system()} {platform.machine()}"
    python = f"{platform.python_implementation()} {platform.python_version()}"
    placing = "the server on one, everything else on another" if pinned else "nothing pinned to one"
    return f"{system}, {_processor()}, {os.cpu_count()} cores ({placing}), {python}"


class Cores:
    """One core for the server under test, another for the load and the fake upstream."""

    def __init__(self) -> None:
        """Pin this process, which generates the load, if two cores are available."""
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
        """Run processes started inside on the server's core; children inherit the affinity."""
        _stay_on(self._server)
        try:
            yield
        finally:
            _stay_on(self._load)

    @contextmanager
    def for_load(self) -> Iterator[None]:
        """Run processes started inside on the load generator's core."""
        _stay_on(self._load)
        yield

    @contextmanager
    def for_all(self) -> Iterator[None]:
        """Let this process, and processes started inside, run on any core."""
        _stay_on(self._allowed)
        try:
            yield
        finally:
            _stay_on(self._load)


def _stay_on(cores: set[int]) -> None:
    if cores:
        os.sched_setaffinity(0, cores)


def load() -> str:
    """Return the load average; other load on the machine distorts the figures."""
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
    """Return the median time to append 4 KiB to a file in `folder` and sync it."""
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
