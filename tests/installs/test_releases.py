"""Installs use the locked versions, although the index offers newer ones."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.installs.commands import Command, npm_commands, pip_commands
from tests.support.installs.index import offer, serving
from tests.support.installs.locks import lock_files, pins

FROM_LOCKS = [command for command in pip_commands() if command.locks]
ONCE = {(tuple(command.flags), tuple(command.locks)): command for command in FROM_LOCKS}


def without_source_builds(flags: Sequence[str]) -> list[str]:
    """The flags, but for a package that is published as a source: the made-up ones are wheels."""
    return re.sub(r" --no-binary \S+ --no-build-isolation", "", " ".join(flags)).split()


def install(flags: Sequence[str], locks: Sequence[str], folder: Path) -> tuple[str, dict[str, str]]:
    """Run pip with these flags on copies of the locks, and an index that offers newer versions.

    Returns: what pip complained of, and the versions that it installed.
    """
    index, target = folder / "index", folder / "installed"
    locked = {pin.name: pin for lock in locks for pin in pins(lock) if pin.is_for()}
    (folder / "a.lock").write_text(offer(index, list(locked.values())))
    with serving(index) as url:
        done = subprocess.run(  # noqa: S603 - the project's own flags
            [
                *(sys.executable, "-m", "pip", *flags, "-r", str(folder / "a.lock")),
                *("--index-url", url, "--target", str(target), "--no-cache-dir", "--no-compile"),
            ],
            # Nothing of this machine's own configuration of pip, or of a proxy.
            env={"PATH": os.environ["PATH"], "PIP_CONFIG_FILE": os.devnull, "HOME": str(folder)},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    found = (info.stem.rsplit("-", 1) for info in target.glob("*.dist-info"))
    return done.stderr, {name.replace("_", "-"): version for name, version in found}


def test_every_lock_that_an_install_names_exists_and_is_looked_at() -> None:
    named = {lock for command in FROM_LOCKS for lock in command.locks}

    # That one is the benchmark's, which runs pip itself.
    assert {*named, "bench/peers/djstripe/requirements.lock"} == set(lock_files())


@pytest.mark.parametrize("command", ONCE.values(), ids=str)
def test_an_index_that_offers_newer_versions_of_everything_changes_nothing(
    command: Command, tmp_path: Path
) -> None:
    wanted = {p.name: p.version for lock in command.locks for p in pins(lock) if p.is_for()}

    complaints, installed = install(without_source_builds(command.flags), command.locks, tmp_path)

    assert (complaints, installed) == ("", wanted)


def test_without_no_deps_the_same_install_is_broken_by_what_no_lock_names(tmp_path: Path) -> None:
    """So the test above notices a flag that goes missing."""
    flags = ["install", "--require-hashes", "--only-binary", ":all:"]

    complaints, installed = install(flags, ["deploy/build.lock"], tmp_path)

    assert "must have their versions pinned with ==" in complaints
    assert installed == {}


@pytest.mark.parametrize("command", pip_commands(), ids=str)
def test_no_command_of_pip_may_look_for_a_version(command: Command) -> None:
    flags = " ".join(command.flags)
    if command.words[0] == "check":
        return

    assert "--no-deps" in flags
    if command.locks:
        assert "--require-hashes --only-binary :all:" in flags
        assert ("--no-binary" in flags) == ("--no-build-isolation" in flags)
    else:  # the project itself
        assert command.words[-1] in {".", "dist/*.whl"}
        assert "--no-build-isolation" in flags or "--no-index" in flags


def test_what_was_installed_is_checked_afterwards() -> None:
    for file in ("Makefile", "Dockerfile", "README.md"):
        words = [command.words[0] for command in pip_commands() if command.file == file]

        assert words[-1] == "check"


def test_npm_installs_what_its_lock_names_and_runs_nothing() -> None:
    commands = npm_commands()

    assert commands != []
    for command in commands:
        assert command.words[0] == "ci"
        assert {"--ignore-scripts", "--no-audit", "--no-fund"} <= set(command.words)
