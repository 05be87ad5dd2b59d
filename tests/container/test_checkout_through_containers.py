"""The command that checks the containers passes with processes instead of containers.

So it cannot rot unseen between the rare runs that have an engine.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from dotenv import dotenv_values

from tests.support.ports import free_port

ROOT = Path(__file__).parents[2]
STOP_S = 25.0


@contextmanager
def running(*arguments: str, folder: Path, env: Mapping[str, str | None]) -> Iterator[None]:
    """`altan-checkout ARGUMENTS`, ended by SIGTERM as an engine would."""
    process = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "app", *arguments],
        cwd=folder,  # where no .env of the developer's lies
        env={**os.environ, **{name: value or "" for name, value in env.items()}},
    )
    try:
        yield
    finally:
        process.terminate()
        code = process.wait(STOP_S)
    assert code in {0, 128 + signal.SIGTERM, -signal.SIGTERM}


def run_script(*, checkout_port: int, sandbox_port: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own script
        [sys.executable, str(ROOT / "tests/container/checkout_through_containers.py")],
        env={
            **os.environ,
            "CHECKOUT_ADDRESS": f"http://127.0.0.1:{checkout_port}",
            "SANDBOX_ADDRESS": f"http://127.0.0.1:{sandbox_port}",
            "READY_DEADLINE_S": "20",
        },
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def test_one_whole_checkout_passes_with_the_settings_that_the_containers_get(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout_port, sandbox_port = free_port(), free_port()
    monkeypatch.setenv("SANDBOX_PORT", str(sandbox_port))
    service = dotenv_values(ROOT / "deploy/sandbox.env") | {
        "ALTAN_PAY_URL": f"http://127.0.0.1:{sandbox_port}",
        "DATABASE_URL": f"sqlite:///{tmp_path}/checkout.db",
        "HOST": "127.0.0.1",
        "PORT": str(checkout_port),
    }
    sandbox = {
        "SANDBOX_PUBLIC_URL": f"http://localhost:{sandbox_port}",
        "SANDBOX_CHECKOUT_URL": f"http://localhost:{checkout_port}",
        "SANDBOX_WEBHOOK_URL": f"http://127.0.0.1:{checkout_port}/webhooks/stripe",
        "SANDBOX_WEBHOOK_SECRET": service["STRIPE_WEBHOOK_SECRETS"],
    }

    with (
        running(
            "sandbox",
            "--host",
            "127.0.0.1",
            "--port",
            str(sandbox_port),
            folder=tmp_path,
            env=sandbox,
        ),
        running("serve", folder=tmp_path, env=service),
    ):
        done = run_script(checkout_port=checkout_port, sandbox_port=sandbox_port)

    assert done.returncode == 0, done.stderr
    assert "2900 usd" in done.stdout


def test_a_service_that_refuses_the_cart_fails_the_run_with_its_answer() -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer(200, b"{}")

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.answer(503, b'{"code": "altan_pay_unavailable"}')

        def answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            """Keep the test's output its own."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        done = run_script(checkout_port=server.server_port, sandbox_port=server.server_port)
        server.shutdown()
        thread.join()

    assert done.returncode == 1
    assert "FAILED: POST /checkout: expected 303, got 503" in done.stderr
    assert "altan_pay_unavailable" in done.stderr
