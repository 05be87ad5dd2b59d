"""The domain imports only itself and the standard library. import-linter forbids only by name."""

import ast
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
FILES: Final = sorted((ROOT / "app" / "domain").rglob("*.py"))


def imported(file: Path) -> set[str]:
    """The modules that a file imports; a relative import is an empty name."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_file_of_the_domain_imports_only_the_domain_and_the_standard_library(file: Path) -> None:
    strangers = {
        name
        for name in imported(file)
        if name.split(".")[0] not in sys.stdlib_module_names and not name.startswith("app.domain")
    }

    assert strangers == set()
