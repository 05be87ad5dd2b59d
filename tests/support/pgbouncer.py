"""Debian's PgBouncer in front of the tests' PostgreSQL server, in transaction mode.

It refuses to run as root, so it runs as `nobody` if the tests run as root.
"""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from tests.support.ports import free_port

START_S: Final = 20.0
SERVER_CONNECTIONS: Final = 3  # fewer than the service's five, so that they are shared

# No workarounds: the defaults of Debian's package must work.
_SETTINGS: Final = """
[databases]
* = host={host} port={port} user=postgres

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen_port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = {size}
server_round_robin = 1
logfile = {folder}/log
pidfile = {folder}/pid
"""


@contextmanager
def pgbouncer_before(url: str, *, mode: str = "transaction") -> Iterator[str]:
    """Run a pooler that gives each transaction another session; yield the database's new URL.

    `server_round_robin` ensures this, so nothing that is left in a session is found again.
    """
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    assert program, "pgbouncer is not installed"
    parts = urlsplit(url)
    listen_port = free_port()
    folder = Path(tempfile.mkdtemp(prefix="altan-pgbouncer-"))
    folder.chmod(0o777)
    settings = folder / "pgbouncer.ini"
    settings.write_text(
        _SETTINGS.format(
            host=parts.hostname,
            port=parts.port,
            listen_port=listen_port,
            mode=mode,
            size=SERVER_CONNECTIONS,
            folder=folder,
        )
    )
    process = subprocess.Popen(  # noqa: S603 our own pooler
        [program, str(settings)], cwd=folder, stderr=subprocess.DEVNULL, **_as_nobody()
    )
    try:
        _wait_until_it_listens(listen_port, process)
        yield parts._replace(netloc=f"postgres@127.0.0.1:{listen_port}").geturl()
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder)


def _wait_until_it_listens(port: int, process: subprocess.Popen[bytes]) -> None:
    give_up_at = time.monotonic() + START_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            assert process.poll() is None, "pgbouncer has stopped"
            assert time.monotonic() < give_up_at, "pgbouncer does not listen"
            time.sleep(0.05)
        else:
            return


def _as_nobody() -> dict[str, Any]:
    """Return subprocess' arguments for another user; none if the tests do not run as root."""
    return {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.getuid() == 0 else {}
