"""The domain imports only itself and the standard library, and its values do not change.

import-linter forbids imports only by name.
"""

import ast
import sys
from collections.abc import Iterator
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


MUTABLE: Final = {"_Suspect", "Kinship", "Outcome", "Waking", "Tangle"}  # filled step by step


def declared(file: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """The dataclasses of a file, each with the arguments of its decorator."""
    for node in ast.walk(ast.parse(file.read_text())):
        for decorator in getattr(node, "decorator_list", ()):
            if isinstance(node, ast.ClassDef) and "dataclass" in ast.unparse(decorator):
                keywords = decorator.keywords if isinstance(decorator, ast.Call) else ()
                yield node.name, {str(each.arg): ast.unparse(each.value) for each in keywords}


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_value_of_the_domain_does_not_change_and_has_no_other_fields(file: Path) -> None:
    for name, arguments in declared(file):
        assert arguments.get("slots") == "True", name
        assert (arguments.get("frozen") == "True") is (name not in MUTABLE), name


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_file_of_the_domain_imports_only_the_domain_and_the_standard_library(file: Path) -> None:
    strangers = {
        name
        for name in imported(file)
        if name.split(".")[0] not in sys.stdlib_module_names and not name.startswith("app.domain")
    }

    assert strangers == set()
