"""Installs the alternatives on first use, into build/bench/, from their lock files only."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.processes import StartError

INSTALL_S_MAX: Final = 300
# As in the Makefile: only what a lock file names.
LOCKED: Final = ("--no-deps", "--require-hashes", "--only-binary", ":all:")
NPM_CI: Final = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")

_HERE: Final = Path(__file__).parent
_BUILD: Final = _HERE.parent.parent / "build" / "bench"


def djstripe_python() -> str:
    """Return the Python of a virtual environment with dj-stripe.

    Raises:
        StartError: it cannot be created.
    """
    wanted, folder = _HERE / "djstripe" / "requirements.lock", _BUILD / "djstripe"
    python = folder / "bin" / "python"
    if not _is_installed(folder, wanted):
        _run([sys.executable, "-m", "venv", "--clear", str(folder)])
        pip = [str(python), "-m", "pip", "--disable-pip-version-check", "--quiet"]
        _run([*pip, "install", *LOCKED, "-r", str(wanted)])
        _run([*pip, "check"])
        _note(folder, wanted)
    return str(python)


def node_program(name: str) -> list[str]:
    """Return the command that runs one of the programs in node/ with its packages.

    Raises:
        StartError: Node.js is missing, or the packages cannot be installed.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise StartError("node and npm are not installed")
    wanted, folder = _HERE / "node" / "package-lock.json", _BUILD / "node"
    folder.mkdir(parents=True, exist_ok=True)
    if not _is_installed(folder, wanted):
        for file in (wanted, wanted.with_name("package.json")):
            shutil.copy(file, folder)
        _run([npm, *NPM_CI, "--prefix", str(folder)])
        _note(folder, wanted)
    return [node, str(shutil.copy(_HERE / "node" / name, folder))]


def _is_installed(folder: Path, wanted: Path) -> bool:
    noted = folder / ".installed"
    return noted.exists() and noted.read_text() == wanted.read_text()


def _note(folder: Path, wanted: Path) -> None:
    (folder / ".installed").write_text(wanted.read_text())


def _run(command: Sequence[str]) -> None:
    try:
        ended = subprocess.run(  # noqa: S603 our own commands
            command,
            env={**os.environ},
            capture_output=True,
            text=True,
            check=False,
            timeout=INSTALL_S_MAX,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StartError(str(error)) from error
    if ended.returncode:
        raise StartError(f"cannot be installed: {ended.stderr.strip()[-300:]}")
