"""Installs the peers on first use, into build/bench/; pinned, from the registries themselves."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.processes import StartError

INSTALL_S_MAX: Final = 300

_HERE: Final = Path(__file__).parent
_BUILD: Final = _HERE.parent.parent / "build" / "bench"


def djstripe_python() -> str:
    """The Python of a virtual environment that has dj-stripe.

    Raises:
        StartError: it cannot be made.
    """
    wanted, folder = _HERE / "djstripe" / "requirements.txt", _BUILD / "djstripe"
    python = folder / "bin" / "python"
    if not _is_installed(folder, wanted):
        _run([sys.executable, "-m", "venv", "--clear", str(folder)])
        pip = [str(python), "-m", "pip", "--disable-pip-version-check", "--quiet"]
        _run([*pip, "install", "-r", str(wanted)])
        _note(folder, wanted)
    return str(python)


def node_program(name: str) -> list[str]:
    """The command that runs one of the programs in node/, beside the packages that it imports.

    Raises:
        StartError: there is no Node.js here, or the packages cannot be had.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise StartError("node and npm are not on this machine")
    wanted, folder = _HERE / "node" / "package.json", _BUILD / "node"
    folder.mkdir(parents=True, exist_ok=True)
    if not _is_installed(folder, wanted):
        shutil.copy(wanted, folder)
        quiet = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
        _run([npm, "install", "--prefix", str(folder), *quiet])
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
