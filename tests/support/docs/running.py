"""Runs the real programs as processes, and the documentation's shell blocks."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.support.docs import stand_ins
from tests.support.ports import free_port

START_S: Final = 60.0
STOP_S: Final = 25.0
BLOCK_S: Final = 60.0

PROGRAM: Final = (sys.executable, "-m", "app")
ENDED_WELL: Final = {0, 128 + signal.SIGTERM, -signal.SIGTERM}


def free_ports(count: int) -> list[int]:
    """Return different free ports."""
    ports = set[int]()
    while len(ports) < count:
        ports.add(free_port())
    return [*ports]


@contextmanager
def running(
    command: Sequence[str], *, folder: Path, env: Mapping[str, str], until: str
) -> Iterator[str]:
    """Run a program; yield its output up to `until`, and stop it with SIGTERM."""
    log = folder / "output.log"
    with (
        log.open("w") as output,
        subprocess.Popen(  # noqa: S603 our own program
            command,
            cwd=folder,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None
        too_late = threading.Timer(START_S, process.kill)
        too_late.start()
        said = []
        for line in process.stdout:
            said.append(line)
            if until in line:
                break
        too_late.cancel()
        rest = threading.Thread(target=shutil.copyfileobj, args=(process.stdout, output))
        rest.start()
        try:
            assert until in "".join(said[-1:]), "".join(said)
            yield "".join(said)
        finally:
            process.terminate()
            try:
                code = process.wait(STOP_S)
            finally:
                process.kill()
                rest.join()
    assert code in ENDED_WELL, log.read_text()


@dataclass(frozen=True, slots=True)
class Demo:
    """A running `altan-checkout demo`, on other ports than the documentation's."""

    port: int
    sandbox_port: int
    api_token: str

    @property
    def service_url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def shop_url(self) -> str:
        return f"http://localhost:{self.sandbox_port}"

    def here(self, text: str) -> str:
        """Return a text of the documentation with this demo's addresses."""
        for theirs, ours in {
            "http://localhost:8000": self.service_url,
            "http://localhost:9000": self.shop_url,
            "https://checkout.shop.example": self.service_url,
            "https://shop.example": self.shop_url,
        }.items():
            text = text.replace(theirs, ours)
        return text


@contextmanager
def running_demo(folder: Path) -> Iterator[Demo]:
    port, sandbox_port = free_ports(2)
    command = (*PROGRAM, "demo", "--port", str(port), "--sandbox-port", str(sandbox_port))
    with running(command, folder=folder, env=dict(os.environ), until="Ctrl-C") as printed:
        (api_token,) = re.findall(r"^  export API_TOKEN=(\S+)$", printed, re.MULTILINE)
        yield Demo(port, sandbox_port, api_token)


@dataclass(slots=True)
class Shell:
    """A terminal in one folder, whose user copies ids from answers into the next command."""

    folder: Path
    env: dict[str, str]
    seen: dict[str, str] = field(default_factory=dict)

    def run(self, block: str) -> str:
        """Run a block, whose commands must all succeed; return its output."""
        for placeholder, value in self.seen.items():
            block = block.replace(placeholder, value)
        done = subprocess.run(  # noqa: S603 README's own commands
            ["/bin/sh", "-euc", block],
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=BLOCK_S,
            check=False,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}{done.stderr}"
        for prefix in ("cs_test_", "chk_"):
            for id_ in re.findall(rf"{prefix}[A-Za-z0-9]+", done.stdout):
                self.seen[f"{prefix}…"] = id_
        return done.stdout


def make_shell(folder: Path, *, only_python: bool, env: Mapping[str, str] | None = None) -> Shell:
    """Return a shell with `altan-checkout`, and stand-ins for programs that are not installed.

    `only_python` uses the stand-ins even if the programs are installed.
    """
    programs = folder / "programs"
    programs.mkdir()
    for name in stand_ins.COMMANDS:
        if only_python or shutil.which(name) is None:
            _write_stand_in(programs / name)
    venv = str(Path(sys.executable).parent)
    path = os.pathsep.join((str(programs), venv, os.environ["PATH"]))
    return Shell(folder, {**os.environ, **(env or {}), "PATH": path})


def _write_stand_in(path: Path) -> None:
    command = shlex.join((sys.executable, stand_ins.__file__, path.name))
    path.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
    path.chmod(0o755)
