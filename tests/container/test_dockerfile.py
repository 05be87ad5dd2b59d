"""Facts about the image that can be checked without an engine."""

import json
import re
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def instructions(name: str) -> list[str]:
    """The arguments of each NAME instruction in the Dockerfile, in order."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    return [line.split(maxsplit=1)[1] for line in lines if line.startswith(f"{name} ")]


def environment() -> dict[str, str]:
    """What the last stage's ENV sets."""
    return dict(pair.split("=", 1) for pair in instructions("ENV")[-1].split())


def pins(lock: str) -> dict[str, list[str]]:
    """Each `name==version` of a lock file, with its hashes."""
    entries = re.split(r"^(?=[a-z0-9])", (ROOT / lock).read_text(), flags=re.MULTILINE)[1:]
    return {entry.split()[0]: re.findall(r"sha256:[0-9a-f]{64}", entry) for entry in entries}


@contextmanager
def ready_answers(status: int) -> Iterator[int]:
    """A server whose /health/ready has this status, and nothing else is found; its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/health/ready" else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            """Keep the test's output its own."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def run_health_check(port: int) -> int:
    """Run the HEALTHCHECK's own command as the engine would; its exit code."""
    command = json.loads(instructions("HEALTHCHECK")[-1].split("CMD", 1)[1])
    assert command[0] == "python"
    done = subprocess.run(  # noqa: S603 - the Dockerfile's own words
        [sys.executable, *command[1:]],
        env={"PORT": str(port), "http_proxy": "http://127.0.0.1:9"},
        capture_output=True,
        timeout=20,
        check=False,
    )
    return done.returncode


def test_a_ready_service_is_healthy() -> None:
    with ready_answers(200) as port:
        assert run_health_check(port) == 0


def test_a_service_that_is_not_ready_is_unhealthy() -> None:
    with ready_answers(503) as port:
        assert run_health_check(port) == 1


def test_a_service_that_does_not_listen_is_unhealthy() -> None:
    with ready_answers(200) as port:
        pass

    assert run_health_check(port) == 1


def test_the_service_runs_as_a_numbered_user_that_is_not_root() -> None:
    user, group = instructions("USER")[-1].split(":")

    assert int(user) > 0
    assert int(group) > 0


def test_signals_reach_the_command_because_no_shell_stands_before_it() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]

    assert json.loads(instructions("ENTRYPOINT")[-1])[0] in scripts
    assert json.loads(instructions("CMD")[-1]) == ["serve"]
    assert instructions("STOPSIGNAL") == ["SIGTERM"]


def test_the_database_lies_in_the_volume() -> None:
    (volume,) = json.loads(instructions("VOLUME")[-1])

    assert environment()["DATABASE_URL"].startswith(f"sqlite:///{volume}/")


def test_the_exposed_port_is_the_one_that_the_service_listens_on() -> None:
    assert instructions("EXPOSE") == [environment()["PORT"]]


def test_every_stage_starts_from_the_same_python_down_to_the_minor_version() -> None:
    bases = {base.split()[0] for base in instructions("FROM")}

    assert len(bases) == 1
    assert re.fullmatch(r"python:3\.\d+-slim@sha256:[0-9a-f]{64}", bases.pop())


@pytest.mark.parametrize(
    "install", re.findall(r"pip [^&]*install [^&]*", " ".join(instructions("RUN")))
)
def test_nothing_is_installed_that_is_not_locked(install: str) -> None:
    assert "--no-cache-dir" in install
    assert "--require-hashes" in install or "--no-index" in install


def test_the_build_gets_the_files_that_it_copies_and_no_others() -> None:
    sources = {
        source.removeprefix("./")
        for copy in instructions("COPY")
        if not copy.startswith("--from")
        for source in copy.split()[:-1]
    }
    first, *patterns = [
        line
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line and not line.startswith("#")
    ]

    assert first == "*"
    assert {pattern[1:] for pattern in patterns if pattern.startswith("!")} == sources
    assert [source for source in sources if not (ROOT / source).exists()] == []


def test_the_build_backend_is_the_one_that_the_development_lock_pins() -> None:
    requires = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    names = {re.match(r"[\w-]+", requirement)[0] for requirement in requires}  # type: ignore[index]
    build, development = pins("deploy/build.lock"), pins("requirements-dev.lock")

    assert names <= {pin.split("==")[0] for pin in build}
    assert {pin: development.get(pin) for pin in build} == build
