"""Disks that are full or read-only for a while, if the machine allows tests to do that."""

import errno
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Final, Protocol

import pytest

from tests.support.processes import ServiceProcess
from tests.support.sizes import FILLINGS

MB: Final = 16 + 8 * FILLINGS  # each filling leaves some megabytes of data
_CHUNKS: Final = (1024 * 1024, 4096, 1)


class Disk(Protocol):
    """A disk for a process's database."""

    @property
    def folder(self) -> Path:
        """Of its own."""
        ...

    def fill(self, process: ServiceProcess, /) -> None:
        """Fill it completely."""
        ...

    def free(self, process: ServiceProcess, /) -> None:
        """Free the space again."""
        ...


@dataclass(frozen=True, slots=True)
class SmallDisk:
    """A separate file system, which another file fills."""

    folder: Path

    def fill(self, _: ServiceProcess, /) -> None:
        with (self.folder / "filler").open("wb", buffering=0) as file:
            for size in _CHUNKS:
                while _writes(file, bytes(size)):
                    pass

    def free(self, _: ServiceProcess, /) -> None:
        (self.folder / "filler").unlink()


@dataclass(frozen=True, slots=True)
class LimitedFiles:
    """Simulates a full disk with a kernel limit on writes, without a mount."""

    folder: Path

    def fill(self, process: ServiceProcess, /) -> None:
        _, hard = resource.prlimit(process.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(process.process.pid, resource.RLIMIT_FSIZE, (1, hard))

    def free(self, process: ServiceProcess, /) -> None:
        if process.process.returncode is None:
            _, hard = resource.prlimit(process.process.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(process.process.pid, resource.RLIMIT_FSIZE, (hard, hard))


@contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk]:
    """Mount a file system; skip the test if that is not allowed."""
    refused = run("mount", "-t", "tmpfs", "-o", f"size={MB}m", "tmpfs", str(folder))
    if refused:
        pytest.skip(f"a file system cannot be mounted here: {refused}")
    try:
        yield SmallDisk(folder)
    finally:
        run("umount", "--lazy", str(folder))


@contextmanager
def immutable(files: list[Path]) -> Iterator[None]:
    """Make files unwritable, even for processes that have them open; skip if that is impossible.

    A file system that is in use cannot be remounted read-only, so this is the closest substitute.
    """
    refused = run("chattr", "+i", *map(str, files))
    try:
        if refused:
            pytest.skip(f"files cannot be made immutable here: {refused}")
        yield
    finally:
        run("chattr", "-i", *map(str, files))


def can_take_writing_away(folder: Path) -> bool:
    """Return whether an immutable file is unwritable even if it is open; on tmpfs it is not."""
    path = folder / "probe"
    with path.open("wb", buffering=0) as file:
        run("chattr", "+i", str(path))
        try:
            file.write(b"x")
        except PermissionError:
            return True
        finally:
            run("chattr", "-i", str(path))
            path.unlink()
    return False


def run(*command: str) -> str:
    """Return the error message of a command, or an empty text."""
    try:
        done = subprocess.run(  # noqa: S603 our own commands
            command, capture_output=True, text=True, check=False, timeout=30
        )
    except OSError as error:
        return str(error)
    return done.stderr.strip() or "it failed" if done.returncode else ""


def _writes(file: FileIO, chunk: bytes) -> bool:
    try:
        file.write(chunk)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        return False
    return True
