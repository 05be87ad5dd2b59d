"""Wrong settings stop every command, without a traceback."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.settings_loading import ASK_ALTAN_PAY, GOOD, dotenv

COMMANDS = {
    "python -m app": [sys.executable, "-m", "app", "serve"],
    "altan-checkout": [str(Path(sys.executable).with_name("altan-checkout")), "serve"],
    "uvicorn": [sys.executable, "-m", "uvicorn", "app.main:app"],
    "migrate": [sys.executable, "-m", "app", "migrate"],
}


def start(command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run to its end in an empty folder, with nothing set but what is given."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in {"PATH", "HOME", "SYSTEMROOT", "LANG"}
    }
    return subprocess.run(  # noqa: S603 our own command
        COMMANDS[command],
        env={**kept, "PYTHONPATH": str(Path(__file__).parents[2]), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_missing_settings_stop_the_start_with_a_line_each_and_no_traceback(command: str) -> None:
    ended = start(command)

    assert ended.returncode == 2
    assert [line.partition(" is missing: ")[0] for line in ended.stderr.splitlines()] == list(GOOD)
    assert ASK_ALTAN_PAY in ended.stderr
    assert ended.stdout == ""


def test_what_is_wrong_anywhere_stops_the_start_and_no_secret_is_shown() -> None:
    dotenv(**{**GOOD, "ALTAN_STRIPE_CONNECT_ID": "{stripe_connect_id}"})

    ended = start("python -m app", STRIPE_WEBHOOK_SECRETS="hunter2hunter2")

    assert ended.returncode == 2
    names = [line.partition(" is wrong: ")[0] for line in ended.stderr.splitlines()]
    assert names == ["ALTAN_STRIPE_CONNECT_ID", "STRIPE_WEBHOOK_SECRETS"]
    assert "hunter2" not in ended.stderr + ended.stdout


def test_a_database_that_cannot_be_opened_stops_the_start_without_a_traceback() -> None:
    Path("data").write_text("a file where the folder should be")

    ended = start("python -m app", **GOOD)

    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1
    assert ended.stderr.startswith("altan-checkout cannot start: ")


def test_the_command_is_installed() -> None:
    assert shutil.which("altan-checkout", path=str(Path(sys.executable).parent))
