"""Starts and ends the demo's processes: free ports, readiness, and the signals that end it."""

import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from app.commands.demo_folder import DemoError

START_TIMEOUT_S: Final = 30.0
POLL_S: Final = 0.1


class _EndedBySignal(Exception):  # noqa: N818 it is no error
    """SIGINT or SIGTERM arrived."""


@contextmanager
def ended_by_signal() -> Iterator[None]:
    """End the block without an error when SIGINT or SIGTERM arrives."""

    def end(_signal: int, _frame: object) -> None:
        raise _EndedBySignal

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with suppress(_EndedBySignal):
            yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def require_free(port: int) -> None:
    """Raise a `DemoError` if another program uses this port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise DemoError(
                f"port {port} is in use; stop the program that uses it, or choose other ports: "
                "--port 8001 --sandbox-port 9001, or "
                'make demo ARGS="--port 8001 --sandbox-port 9001"'
            ) from error


def wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until this process answers at `url`, or raise a `DemoError`."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        require_running(process)
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310 our own address
                return
        except (urllib.error.URLError, OSError):
            time.sleep(POLL_S)
    raise DemoError(f"{url} did not answer within {START_TIMEOUT_S:.0f} s")


def require_running(process: subprocess.Popen[bytes]) -> None:
    """Raise a `DemoError` if this process has stopped."""
    if process.poll() is not None:
        raise DemoError(f"a part of the demo stopped with status {process.returncode}; see above")
