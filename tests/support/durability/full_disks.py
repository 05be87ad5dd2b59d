"""Disks that are full or read-only for a while, as far as a machine lets a test make them so."""

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

from tests.support.builders import ServiceProcess
from tests.support.sizes import FILLINGS

MB: Final = 16 + 8 * FILLINGS  # each filling ends with some megabytes that are kept
_CHUNKS: Final = (1024 * 1024, 4096, 1)


class Disk(Protocol):
    """Where a process keeps its database."""

    @property
    def folder(self) -> Path:
        """Of its own."""
        ...

    def fill(self, process: ServiceProcess, /) -> None:
        """Leave it not a byte."""
        ...

    def free(self, process: ServiceProcess, /) -> None:
        """Give back what was taken."""
        ...


@dataclass(frozen=True, slots=True)
class SmallDisk:
    """A file system of its own, which somebody else fills with a file."""

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
    """The kernel lets the process write nothing, as a full disk would not: no mount is needed."""

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
    """Mounts one; skips the test where that is refused."""
    refused = run("mount", "-t", "tmpfs", "-o", f"size={MB}m", "tmpfs", str(folder))
    if refused:
        pytest.skip(f"a file system cannot be mounted here: {refused}")
    try:
        yield SmallDisk(folder)
    finally:
        run("umount", "--lazy", str(folder))


@contextmanager
def immutable(files: list[Path]) -> Iterator[None]:
    """Nobody may write to these files, not even who has them open; skips where that is not so.

    A file system that is in use cannot be remounted read-only: this is the nearest there is.
    """
    refused = run("chattr", "+i", *map(str, files))
    try:
        if refused:
            pytest.skip(f"files cannot be made immutable here: {refused}")
        yield
    finally:
        run("chattr", "-i", *map(str, files))


def can_take_writing_away(folder: Path) -> bool:
    """Whether an immutable file refuses those who have it open, too: on tmpfs it does not."""
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
    """The words of a command that fails; nothing, where it does not."""
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
