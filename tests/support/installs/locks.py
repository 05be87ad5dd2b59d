"""Reads lock files, and the requirements of installed packages."""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT: Final = Path(__file__).parents[3]
PROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text())
RUNTIME: Final[Sequence[str]] = PROJECT["project"]["dependencies"]
DEVELOPMENT: Final[Sequence[str]] = PROJECT["project"]["optional-dependencies"]["dev"]
BACKEND: Final[Sequence[str]] = PROJECT["build-system"]["requires"]

_Environment = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Pin:
    """One entry of a lock file."""

    name: str
    version: str
    marker: Marker | None
    hashes: tuple[str, ...]

    def is_for(self, environment: Mapping[str, str] | None = None) -> bool:
        """Return whether it applies in this environment, by default the current one."""
        return self.marker is None or self.marker.evaluate(dict(environment or {}))


def lock_files() -> list[str]:
    """Return every pip lock file of the project, as paths from its root."""
    folders = (ROOT, ROOT / "deploy", ROOT / "tests", ROOT / "bench")
    found = [path for folder in folders[:1] for path in folder.glob("*.lock")]
    found += [path for folder in folders[1:] for path in folder.rglob("*.lock")]
    return sorted(str(path.relative_to(ROOT)) for path in found)


def pins(lock: str) -> list[Pin]:
    """Return the entries of a lock file, in order."""
    entries = re.split(r"^(?=[A-Za-z0-9])", (ROOT / lock).read_text(), flags=re.MULTILINE)[1:]
    return [_pin(entry) for entry in entries]


def _pin(entry: str) -> Pin:
    requirement = Requirement(entry.split("\\", maxsplit=1)[0].strip())
    (exactly,) = requirement.specifier
    assert exactly.operator == "=="
    name = canonicalize_name(requirement.name)
    hashes = tuple(re.findall(r"--hash=sha256:([0-9a-f]{64})", entry))
    return Pin(name, exactly.version, requirement.marker, hashes)


def requires(pin: Pin) -> Sequence[str] | None:
    """Return this version's requirements; None if another version, or none, is installed."""
    try:
        found = distribution(pin.name)
    except PackageNotFoundError:
        return None
    return found.requires or [] if found.version == pin.version else None


def gaps(locked: Iterable[Pin], wanted: Iterable[str], environment: _Environment) -> list[str]:
    """Return the requirements that the lock file does not satisfy, one sentence each.

    `wanted` are the project's requirements. Every locked package is followed, with the requested
    extras, whose requirements must be in the lock file, too.
    """
    here = {pin.name: pin for pin in locked if pin.is_for(environment)}
    open_ = [("the project", text) for text in wanted]
    open_ += [(pin.name, text) for pin in here.values() for text in _asked(pin, "", environment)]
    seen: set[tuple[str, str]] = set()
    found = []
    while open_:
        asker, text = open_.pop()
        requirement = Requirement(text)
        if requirement.marker and not requirement.marker.evaluate({**environment, "extra": ""}):
            # An extra's own requirements follow below, without their markers.
            continue
        pin = here.get(canonicalize_name(requirement.name))
        if pin is None or not requirement.specifier.contains(pin.version, prereleases=True):
            found.append(f"{asker} asks for {requirement.name}{requirement.specifier}")
            continue
        for extra in requirement.extras - {extra for name, extra in seen if name == pin.name}:
            seen.add((pin.name, extra))
            open_ += [(f"{pin.name}[{extra}]", t) for t in _asked(pin, extra, environment)]
    return sorted(set(found))


def _asked(pin: Pin, extra: str, environment: _Environment) -> list[str]:
    asked = []
    for text in requires(pin) or ():
        requirement = Requirement(text)
        if requirement.marker is None:
            asked += [] if extra else [text]
        elif requirement.marker.evaluate({**environment, "extra": extra}):
            requirement.marker = None
            asked.append(str(requirement))
    return asked
