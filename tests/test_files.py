"""A file of Python holds one idea, and has at most 300 lines."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINES_MAX = 300


@pytest.mark.parametrize("folder", ["app", "bench", "sandbox", "tests"])
def test_no_file_is_long(folder: str) -> None:
    files = [path for path in (ROOT / folder).rglob("*.py") if "node_modules" not in path.parts]
    lines = {str(path.relative_to(ROOT)): path.read_text("utf-8").count("\n") for path in files}

    assert len(files) > 20
    assert {name: count for name, count in lines.items() if count > LINES_MAX} == {}
