"""Links and pictures exist, and every shell block says how it is tested."""

import re
from pathlib import Path
from typing import Final
from urllib.parse import unquote

import pytest

from tests.support.docs.documents import README, ROOT, anchors, blocks, documents, links

SCENARIOS: Final = {"container", "demo", "dump", "erase", "own", "restore", "serve", "stopped"}
DIAGRAMS: Final = ("sequenceDiagram", "flowchart TD", "flowchart LR", "stateDiagram-v2")
MESSAGE: Final = re.compile(r"(\w+)-{1,2}>>(\w+): \S.*")
OTHER_LINE: Final = re.compile(r"autonumber|Note over (\w+): \S.*|participant \w+ as \S.*")

each_document = pytest.mark.parametrize(
    "path", documents(), ids=lambda path: str(path.relative_to(ROOT))
)


def fault_of(link: str, path: Path) -> str | None:
    """What is wrong with a relative link in `path`, or None."""
    target, _, anchor = unquote(link).partition("#")
    file = (path.parent / target).resolve() if target else path
    if not file.exists() or not file.is_relative_to(ROOT):
        return f"{link}: no such file"
    if anchor and (file.suffix != ".md" or anchor not in anchors(file)):
        return f"{link}: no such heading"
    return None


@each_document
def test_every_relative_link_and_anchor_exists(path: Path) -> None:
    relative = [link for link in links(path) if not re.match(r"https?://", link)]

    assert [fault for link in relative if (fault := fault_of(link, path))] == []


def test_a_link_that_leads_nowhere_is_found() -> None:
    assert fault_of("docs/no-such-page.md", README) is not None
    assert fault_of("#no-such-heading", README) is not None
    assert fault_of("LICENSE#no-heading-at-all", README) is not None


def test_the_decisions_index_has_every_decision() -> None:
    folder = ROOT / "docs/decisions"
    pages = sorted(path.name for path in folder.glob("[0-9]*.md"))

    assert [link for link in links(folder / "README.md") if link in pages] == pages
    assert [name[:4] for name in pages] == [f"{n:04}" for n in range(1, len(pages) + 1)]


@each_document
def test_every_picture_is_of_a_known_kind_and_its_brackets_close(path: Path) -> None:
    for block in blocks(path):
        if block.language == "mermaid":
            assert block.text.startswith(DIAGRAMS)
            for opening, closing in ("[]", "()", "{}"):
                assert block.text.count(opening) == block.text.count(closing)
            assert block.text.count('"') % 2 == 0


def test_every_message_in_the_flow_is_between_participants() -> None:
    (picture,) = [block.text for block in blocks(README) if block.language == "mermaid"]
    participants = set(re.findall(r"participant (\w+) as", picture))

    for line in picture.splitlines()[1:]:
        message = MESSAGE.fullmatch(line.strip())
        assert message or OTHER_LINE.fullmatch(line.strip()), line
        named = {message[1], message[2]} if message else set(re.findall(r"Note over (\w+)", line))
        assert named <= participants, line


@each_document
def test_every_shell_block_is_run_by_a_test_or_says_why_it_is_not(path: Path) -> None:
    marks = [block.mark for block in blocks(path) if block.language == "sh"]

    assert [
        mark
        for mark in marks
        if mark.removeprefix("test: ") not in SCENARIOS and not re.match(r"not run: \S", mark)
    ] == []
