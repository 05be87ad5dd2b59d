"""Reads the project's Markdown: marked blocks, tables, links and headings."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT: Final = Path(__file__).parents[3]
README: Final = ROOT / "README.md"
SHOP_PAGES: Final = ROOT / "docs/shop-pages.md"
API: Final = ROOT / "docs/api.md"
SETTINGS: Final = ROOT / "docs/settings.md"
OPERATE: Final = ROOT / "docs/operate.md"
GUIDE: Final = (README, SHOP_PAGES, API, SETTINGS, OPERATE)  # in the order of reading

_PARSER: Final = MarkdownIt("commonmark").enable("table")
_COMMENT: Final = re.compile(r"<!--\s*(.*?)\s*-->", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block, the comment right above it, and the block of expected JSON below it."""

    language: str
    text: str
    mark: str
    answer: str | None


@dataclass(frozen=True, slots=True)
class Table:
    """A table, the heading above it, and its cells as written."""

    heading: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


def documents() -> Sequence[Path]:
    """Return every Markdown file of the project, without installed ones."""
    found = [path for folder in ("docs", "tests") for path in (ROOT / folder).rglob("*.md")]
    ours = [path for path in found if "node_modules" not in path.parts]
    return sorted([*ROOT.glob("*.md"), *ours])


def blocks(path: Path) -> Sequence[Block]:
    """Return the fenced blocks of a document, in order."""
    tokens = [token for token in _tokens(path) if token.level == 0]
    found = []
    for index, token in enumerate(tokens):
        if token.type != "fence":
            continue
        before = tokens[index - 1] if index else None
        comment = _COMMENT.match(before.content) if before and before.type == "html_block" else None
        after = tokens[index + 1] if index + 1 < len(tokens) else None
        is_answered = after is not None and after.type == "fence" and after.info == "json"
        answer = after.content if after is not None and is_answered else None
        found.append(Block(token.info, token.content, comment[1] if comment else "", answer))
    return found


def guide() -> Sequence[Block]:
    """Return the fenced blocks of the README and the guide's pages, in reading order."""
    return [block for path in GUIDE for block in blocks(path)]


def marked(language: str, mark: str, *, path: Path | None = None) -> Sequence[Block]:
    """Return one language's blocks below `<!-- test: MARK -->`, in the guide or one document."""
    found = blocks(path) if path else guide()
    return [
        block for block in found if block.language == language and block.mark == f"test: {mark}"
    ]


def tables(path: Path) -> Sequence[Table]:
    """Return the tables of a document, in order."""
    found: list[Table] = []
    heading = ""
    rows: list[list[str]] = []
    tokens = _tokens(path)
    for index, token in enumerate(tokens):
        if token.type == "heading_open":
            heading = tokens[index + 1].content
        elif token.type == "table_open":
            rows = []
        elif token.type == "tr_open":
            rows.append([])
        elif token.type in {"th_open", "td_open"}:
            rows[-1].append(tokens[index + 1].content)
        elif token.type == "table_close":
            found.append(Table(heading, rows[0], rows[1:]))
    return found


def table(path: Path, heading: str, first_cell: str) -> Table:
    """Return the one table below `heading` whose head begins with `first_cell`."""
    (found,) = [
        table for table in tables(path) if table.heading == heading and table.head[0] == first_cell
    ]
    return found


def links(path: Path) -> Iterator[str]:
    """Yield the targets of a document's links and images, as written."""
    for token in _tokens(path):
        for child in token.children or ():
            target = child.attrGet("href" if child.type == "link_open" else "src")
            if target is not None:
                yield str(target)


def pictures(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the paths of a document's pictures, and their alternative texts."""
    for token in _tokens(path):
        for child in token.children or ():
            if child.type == "image":
                yield str(child.attrGet("src")), child.content


def anchors(path: Path) -> set[str]:
    """Return the ids that GitHub generates for headings, and the explicit ones."""
    found = set(re.findall(r'<a id="([^"]+)">', path.read_text()))
    tokens = _tokens(path)
    for index, token in enumerate(tokens):
        if token.type == "heading_open":
            slug = _slug(tokens[index + 1])
            repeats = sum(1 for known in found if re.fullmatch(rf"{re.escape(slug)}(-\d+)?", known))
            found.add(f"{slug}-{repeats}" if repeats else slug)
    return found


def code_spans(text: str) -> list[str]:
    """Return the texts between single backticks."""
    return re.findall(r"`([^`]+)`", text)


def code(path: Path) -> Iterator[str]:
    """Yield each line of a document's sh blocks, and each of its code spans."""
    for token in _tokens(path):
        if token.type == "fence" and token.info == "sh":
            yield from token.content.splitlines()
        for child in token.children or ():
            if child.type == "code_inline":
                yield child.content


def _slug(heading: Token) -> str:
    words = "".join(child.content for child in heading.children or ())
    return re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")


def _tokens(path: Path) -> Sequence[Token]:
    return _PARSER.parse(path.read_text())
