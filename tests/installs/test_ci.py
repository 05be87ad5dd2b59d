""".ci/run on a fresh machine installs what is missing, by the names that apt knows."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.support.installs.commands import ROOT

# Stand-ins that write down what they were asked; apt-cache knows the names in `known`.
STAND_INS = {
    "apt-get": 'echo "apt-get $*" >>"$NOTES"',
    "apt-cache": 'grep -qx "$2" "$KNOWN"',
    "sudo": '"$@"',
    "make": 'echo "make $*" >>"$NOTES"',
    "python3": "exit 1",
}


def run_ci(folder: Path, known: Sequence[str], *, have: Sequence[str] = ()) -> tuple[int, str]:
    """Run the script with nothing but these stand-ins; its exit code, and what was noted."""
    commands, notes = folder / "bin", folder / "notes"
    commands.mkdir()
    notes.touch()
    (folder / "known").write_text("".join(f"{name}\n" for name in known))
    for name, text in {**STAND_INS, **dict.fromkeys(have, "exit 0")}.items():
        (commands / name).write_text(f"#!/bin/bash\n{text}\n")
        (commands / name).chmod(0o755)
    for name in ("bash", "dirname", "id", "grep", "env"):
        found = shutil.which(name)
        assert found is not None
        (commands / name).symlink_to(found)
    done = subprocess.run(  # noqa: S603 - our own script
        [str(commands / "bash"), str(ROOT / ".ci" / "run")],
        env={"PATH": str(commands), "NOTES": str(notes), "KNOWN": str(folder / "known")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, notes.read_text() + done.stderr


def test_what_is_missing_is_installed_and_then_the_tests_run(tmp_path: Path) -> None:
    known = ["prometheus", "redis-server", "npm", "caddy", "chromium", "python3", "python3-venv"]

    code, noted = run_ci(tmp_path, known)

    assert code == 0
    assert noted.splitlines()[0] == "apt-get update -qq"
    assert set(known) <= set(noted.splitlines()[1].split())
    assert noted.splitlines()[2] == "make test"


def test_a_package_that_has_another_name_here_is_installed_by_that_name(tmp_path: Path) -> None:
    known = ["prometheus", "valkey-redis-compat", "nodejs", "caddy", "chromium-browser"]

    code, noted = run_ci(tmp_path, [*known, "python3", "python3-full"])

    assert code == 0
    assert {*known, "python3-full"} <= set(noted.splitlines()[1].split())


def test_a_package_that_apt_does_not_know_is_named(tmp_path: Path) -> None:
    code, noted = run_ci(tmp_path, ["make"])

    assert code == 1
    assert ".ci/run: apt knows no package for promtool; tried: prometheus" in noted


def test_a_machine_that_has_all_of_it_asks_apt_nothing(tmp_path: Path) -> None:
    have = ["promtool", "redis-server", "npm", "caddy", "chromium", "python3"]

    code, noted = run_ci(tmp_path, [], have=have)

    assert (code, noted) == (0, "make test\n")
