"""The lock files are complete, so an install never looks for anything else."""

from collections.abc import Mapping, Sequence
from typing import Final

import pytest

from tests.support.installs.locks import (
    BACKEND,
    DEVELOPMENT,
    PROJECT,
    ROOT,
    RUNTIME,
    gaps,
    lock_files,
    pins,
    requires,
)

PYTHONS: Final = ("3.11.0", "3.11.7", "3.12.1", "3.13.0", "3.14.0")
PLATFORMS: Final = (("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64"))

# What each lock was made for. The others belong to tools that are not installed here: `pip check`
# looks at them where they are.
MADE_FOR: Final[Mapping[str, Sequence[str]]] = {
    "requirements.lock": RUNTIME,
    "requirements-dev.lock": [*RUNTIME, *DEVELOPMENT],
    "deploy/build.lock": [*BACKEND, "editables"],
}


def environment(python: str, platform: str, machine: str) -> dict[str, str]:
    """What the markers of a requirement may ask about a machine."""
    return {
        "python_version": ".".join(python.split(".")[:2]),
        "python_full_version": python,
        "implementation_version": python,
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "sys_platform": platform,
        "platform_system": {"linux": "Linux", "darwin": "Darwin"}[platform],
        "platform_machine": machine,
        "os_name": "posix",
    }


@pytest.mark.parametrize("lock", MADE_FOR)
@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("platform", PLATFORMS, ids="-".join)
def test_a_lock_has_all_that_its_packages_ask_for(
    lock: str, python: str, platform: tuple[str, str]
) -> None:
    assert gaps(pins(lock), MADE_FOR[lock], environment(python, *platform)) == []


@pytest.mark.parametrize(
    ("missing", "asker"),
    [
        ("h11", "httpcore"),  # plainly
        ("greenlet", "sqlalchemy[asyncio]"),  # for an extra that the project asks for
        ("coverage", "pytest-cov"),  # with an extra, by somebody else
    ],
)
def test_a_package_that_a_lock_lacks_is_found(missing: str, asker: str) -> None:
    lock = "requirements-dev.lock"
    locked = [pin for pin in pins(lock) if pin.name != missing]

    found = gaps(locked, MADE_FOR[lock], environment("3.13.0", "linux", "x86_64"))

    assert [gap for gap in found if gap.startswith(f"{asker} asks for {missing}")] != []


def test_a_version_that_does_not_fit_is_found() -> None:
    locked = pins("requirements.lock")

    found = gaps(locked, ["httpx<0.28"], environment("3.13.0", "linux", "x86_64"))

    assert found == ["the project asks for httpx<0.28"]


@pytest.mark.parametrize("lock", MADE_FOR)
def test_what_is_installed_here_is_what_the_lock_names(lock: str) -> None:
    assert [pin.name for pin in pins(lock) if pin.is_for() and requires(pin) is None] == []


def test_the_python_versions_that_are_looked_at_begin_with_the_oldest_that_is_supported() -> None:
    oldest = ".".join(PYTHONS[0].split(".")[:2])

    assert PROJECT["project"]["requires-python"] == f">={oldest}"


@pytest.mark.parametrize("lock", lock_files())
def test_every_locked_package_has_hashes_and_no_address(lock: str) -> None:
    assert [pin.name for pin in pins(lock) if not pin.hashes] == []
    assert "://" not in (ROOT / lock).read_text()
    assert "\n--" not in (ROOT / lock).read_text()  # nor an option, such as an index
