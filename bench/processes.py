"""Starts the processes under test, waits until they answer, and stops them."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Final

from bench.machine import cpu_seconds, resident_bytes

START_S_MAX: Final = 30.0
STOP_S_MAX: Final = 25.0
PREPARE_S_MAX: Final = 120.0

_ROOT: Final = Path(__file__).parent.parent
_POLL_S: Final = 0.002


class StartError(Exception):
    """A process did not start; the message contains the end of its output."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A process that answers on `port`. `start_s` is from its start to its first 200."""

    pid: int
    port: int
    start_s: float

    @property
    def cpu_s(self) -> float | None:
        """Return the CPU seconds used so far."""
        return cpu_seconds(self.pid)

    @property
    def resident_bytes(self) -> int | None:
        """Return the current memory."""
        return resident_bytes(self.pid)


@contextmanager
def running(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    core: AbstractContextManager[None],
    log: Path,
    first_path: str,
) -> Iterator[Running]:
    """Run `command --port …` until the block ends; the block starts when `first_path` returns 200.

    The process is started inside `core`, so it stays on that core.

    Raises:
        StartError: the process ended, or did not return 200 in time.
    """
    port = _free_port()
    with log.open("wb") as output:
        began = time.perf_counter()
        with core:
            process = subprocess.Popen(  # noqa: S603 our own commands
                [*command, "--port", str(port)],
                cwd=_ROOT,
                env={"PATH": os.defpath, **env},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            if not _comes_up(process, port, first_path):
                said = log.read_text(errors="replace")[-2000:]
                raise StartError(f"{' '.join(command)} did not start:\n{said}")
            yield Running(pid=process.pid, port=port, start_s=time.perf_counter() - began)
        finally:
            _stop(process)


def run_once(command: Sequence[str], *, env: Mapping[str, str]) -> str:
    """Run a command to its end; return its output.

    Raises:
        StartError: it failed, or took too long.
    """
    try:
        ended = subprocess.run(  # noqa: S603 our own commands
            command,
            cwd=_ROOT,
            env={"PATH": os.defpath, **env},
            capture_output=True,
            text=True,
            check=True,
            timeout=PREPARE_S_MAX,
        )
    except subprocess.CalledProcessError as error:
        raise StartError(f"{' '.join(command)} failed:\n{error.stderr[-2000:]}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StartError(str(error)) from error
    return ended.stdout


def python_module(name: str, *arguments: str) -> list[str]:
    """Return the command that runs one of our modules with this Python."""
    return [sys.executable, "-m", name, *arguments]


def _comes_up(process: subprocess.Popen[bytes], port: int, path: str) -> bool:
    stop_at = time.perf_counter() + START_S_MAX
    while process.poll() is None and time.perf_counter() < stop_at:
        if _answers(port, path):
            return True
        time.sleep(_POLL_S)
    return False


def _answers(port: int, path: str) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200  # noqa: PLR2004 OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_S_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
