"""Each picture is used, and has an alternative text."""

from tests.support.docs.documents import ROOT, documents, links, pictures

FOLDER = ROOT / "docs/screenshots"


def test_every_picture_in_the_folder_is_shown_in_a_document() -> None:
    shown = {(path.parent / link).resolve() for path in documents() for link in links(path)}

    assert [path.name for path in FOLDER.iterdir() if path.resolve() not in shown] == []


def test_every_picture_in_a_document_says_what_is_to_be_seen() -> None:
    shown = [picture for path in documents() for picture in pictures(path)]

    assert shown
    assert [source for source, words in shown if not words.endswith(".")] == []
