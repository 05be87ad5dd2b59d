"""Runs the tests of the module that Cosmic Ray has changed: python -m tests.mutant.

A module is tested by its own package's tests and those of the whole domain, so each package must
prove its own rules. If nothing is changed, all of them run.
"""

import filecmp
import os
import sys
from pathlib import Path
from typing import Final

import hypothesis
import pytest

MUTATED: Final = Path("app/domain")
ORIGINAL: Final = Path("original/domain")
TESTS: Final = Path("tests/domain")
# Without the project's settings and plugins: to load them takes longer than most of the tests.
OPTIONS: Final = (
    *("-c", os.devnull, "--rootdir=.", "--import-mode=importlib", "--noconftest", "-x", "-q"),
    *("-p", "no:cacheprovider", "-W", "ignore::pytest.PytestUnknownMarkWarning"),
)


def main() -> int:
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    hypothesis.settings.register_profile(
        "mutants",
        max_examples=25,
        derandomize=True,
        database=None,
        deadline=None,
        phases=(hypothesis.Phase.explicit, hypothesis.Phase.generate),
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    hypothesis.settings.load_profile("mutants")
    return pytest.main([*OPTIONS, *map(str, examples_first(changed_packages()))])


def changed_packages() -> set[Path]:
    changed = {
        path.parent.relative_to(ORIGINAL)
        for path in ORIGINAL.rglob("*.py")
        if not filecmp.cmp(path, MUTATED / path.relative_to(ORIGINAL), shallow=False)
    }
    return changed or {Path()}


def examples_first(packages: set[Path]) -> list[Path]:
    """Most mutants fail an example at once; properties take seconds."""
    own = (path for package in packages for path in (TESTS / package).rglob("test_*.py"))
    return sorted(
        {*own, *TESTS.glob("test_*.py")},
        key=lambda path: ("@given" in path.read_text("utf-8"), path),
    )


if __name__ == "__main__":
    sys.exit(main())
