"""Runs deploy/Caddyfile in Debian's caddy, in front of a server that echoes its requests."""

import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from tests.support.ports import free_port, is_listening

ROOT: Final = Path(__file__).parents[2]
CADDYFILE: Final = ROOT / "deploy" / "Caddyfile"
START_S_MAX: Final = 60


class _Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer with the path and X-Forwarded-For as they arrived."""
        forwarded = self.headers.get_all("X-Forwarded-For") or []
        body = json.dumps({"path": self.path, "forwarded": forwarded}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Log nothing."""


@contextmanager
def echoing() -> Iterator[int]:
    """Run a server in place of a replica; yield its port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Echo) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def adapted(**environment: str) -> dict[str, Any]:
    """Return the file as Caddy understands it, in Caddy's JSON format."""
    done = subprocess.run(  # noqa: S603 - our own file
        ["caddy", "adapt", "--config", str(CADDYFILE), "--adapter", "caddyfile"],  # noqa: S607
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    document: dict[str, Any] = json.loads(done.stdout)
    return document


@contextmanager
def balancing(folder: Path, replica_port: int, **environment: str) -> Iterator[int]:
    """Run Caddy with the file, with plain http on 127.0.0.1; yield the port."""
    port = free_port()
    command = ["caddy", "run", "--config", str(CADDYFILE), "--adapter", "caddyfile"]
    with running(
        command,
        folder,
        port,
        SITE_ADDRESS=f"http://:{port}",
        REPLICA_NAME="127.0.0.1",
        REPLICA_PORT=str(replica_port),
        **environment,
    ):
        yield port


@contextmanager
def running(command: list[str], folder: Path, port: int, **environment: str) -> Iterator[None]:
    """Start Caddy with all of its files in `folder`; return when it listens."""
    log = folder / "caddy.log"
    with (
        log.open("w") as output,
        subprocess.Popen(  # noqa: S603 - a command of ours
            command,
            env={"PATH": os.environ["PATH"], "HOME": str(folder), **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        too_late = threading.Timer(START_S_MAX, process.kill)
        too_late.start()
        try:
            while not is_listening(port):
                assert process.poll() is None, log.read_text()
                time.sleep(0.02)
            yield
        finally:
            too_late.cancel()
            process.terminate()
            try:
                process.wait(START_S_MAX)
            finally:
                process.kill()
