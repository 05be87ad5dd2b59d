"""Every command of the project that installs packages, as written in its file."""

import os
import re
import shlex
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support.docs.documents import guide

ROOT: Final = Path(__file__).parents[3]
READY: Final = (
    *(".venv/.ready-to-check", ".venv/mutants/.ready", "tests/e2e/node_modules/.ready"),
    *(".venv/clients/.ready", "tests/clients/node_modules/.ready"),
)


@dataclass(frozen=True, slots=True)
class Command:
    """One command of pip or npm: its file, and its arguments."""

    file: str
    words: tuple[str, ...]

    @property
    def locks(self) -> Sequence[str]:
        """Return its lock files, as paths from the project's root."""
        named = [self.words[at + 1] for at, word in enumerate(self.words) if word == "-r"]
        # The Dockerfile copies it to the same folder.
        return ["deploy/build.lock" if lock == "build.lock" else lock for lock in named]

    @property
    def flags(self) -> list[str]:
        """Return its arguments without the lock files."""
        first_lock = self.words.index("-r") if "-r" in self.words else len(self.words)
        return list(self.words[:first_lock])

    def __str__(self) -> str:
        """Return the text for pytest."""
        return f"{self.file}: {' '.join(self.locks or self.words)}"


def pip_commands() -> list[Command]:
    """Return pip's commands in the Makefile, the Dockerfile and README, in order."""
    found = []
    for file, line in _lines():
        match = re.search(r"\bpip (?:.* )?(install|check)\b(.*)", line)
        if match:
            found.append(Command(file, (match[1], *shlex.split(match[2]))))
    return found


def npm_commands() -> list[Command]:
    """Return npm's commands in the Makefile."""
    return [
        Command(file, tuple(shlex.split(line.removeprefix("npm "))))
        for file, line in _lines()
        if line.startswith("npm ")
    ]


def _lines() -> Iterator[tuple[str, str]]:
    readme = (block.text for block in guide() if block.language == "sh")
    dockerfile = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    runs = re.findall(r"^RUN (.*)", dockerfile, flags=re.MULTILINE)
    for file, texts in (("Makefile", [_recipes()]), ("Dockerfile", runs), ("README.md", readme)):
        for line in "\n".join(texts).splitlines():
            for command in line.split("&&"):
                yield file, command.strip()


def _recipes() -> str:
    """Return what make would run on a fresh machine, with variables filled in."""
    return subprocess.run(  # noqa: S603 - our own Makefile
        ["make", "--dry-run", "--always-make", "--no-print-directory", *READY],  # noqa: S607
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("MAKE")},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
