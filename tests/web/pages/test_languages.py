import re
import subprocess
import sys
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st

from app.web.http.negotiation import preferred_languages
from app.web.pages.languages import LOCALE_FOLDER, read_translations, speech_for

PO_FILES = sorted(LOCALE_FOLDER.glob("*/LC_MESSAGES/messages.po"))
TRANSLATIONS = read_translations()
PLACEHOLDER = re.compile(r"%\(\w+\)s")

each_po_file = pytest.mark.parametrize("path", PO_FILES, ids=lambda path: path.parts[-3])


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Every message of the templates, found as docs/success-page.md says."""
    path = tmp_path_factory.mktemp("messages") / "messages.pot"
    command = [sys.executable, "-m", "babel.messages.frontend", "-q", "extract"]
    options = ["-F", str(LOCALE_FOLDER / "babel.cfg"), "-o", str(path)]
    subprocess.run([*command, *options, str(LOCALE_FOLDER.parent)], check=True)  # noqa: S603 ours
    return ids(read(path))


def read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, abort_invalid=True)


def ids(catalog: Catalog) -> set[str]:
    return {str(message.id) for message in catalog if message.id}


# --- the words


def test_there_are_german_and_spanish_translations() -> None:
    assert {"de", "en", "es"} <= TRANSLATIONS.keys()
    assert {path.parts[-3] for path in PO_FILES} == TRANSLATIONS.keys() - {"en"}


@each_po_file
def test_a_language_has_every_message_and_no_other(path: Path, used: set[str]) -> None:
    assert len(used) > 20
    assert ids(read(path)) == used


@each_po_file
def test_every_message_is_translated_for_certain_and_with_its_placeholders(path: Path) -> None:
    for message in read(path):
        if message.id:
            text = str(message.string)
            assert text.strip(), message.id
            assert not message.fuzzy, message.id
            assert PLACEHOLDER.findall(text) == PLACEHOLDER.findall(str(message.id))


@each_po_file
def test_texts_contain_no_markup(path: Path) -> None:
    messages = [message for message in read(path) if message.id]

    assert [each.id for each in messages if re.search("[<>&]", str(each.string))] == []


def test_a_language_is_added_by_its_file_alone(tmp_path: Path) -> None:
    folder = tmp_path / "pt_BR" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "messages.po").write_text('msgid "Thanks"\nmsgstr "Obrigado"\n')

    translations = read_translations(tmp_path)

    assert translations["pt_BR"].gettext("Thanks") == "Obrigado"
    assert speech_for(["pt-br"], translations).tag == "pt-BR"
    assert speech_for(["pt"], translations).tag == "en"


# --- whose words


@pytest.mark.parametrize(
    ("header", "tags"),
    [
        ("", []),
        ("de", ["de"]),
        ("de-AT, de;q=0.9, en;q=0.8", ["de-at", "de", "en"]),
        ("en;q=0.5, es", ["es", "en"]),
        ("fr, de;q=0, es;q=0.1", ["fr", "es"]),
        ("de;q=0.5, es;q=0.5", ["de", "es"]),
        ("de;q=nan, es;q=2, en;q=x", []),
    ],
)
def test_a_header_lists_languages_in_order_of_preference(header: str, tags: list[str]) -> None:
    assert [tag for tag in preferred_languages(header) if tag] == tags


@pytest.mark.parametrize(
    ("tags", "language", "locale"),
    [
        ([], "en", "en"),
        (["de"], "de", "de"),
        (["DE-at"], "de", "de_AT"),
        (["es-MX"], "es", "es_MX"),
        (["es-419"], "es", "es"),
        (["de-Latn-CH"], "de", "de"),
        (["de-XX"], "de", "de"),
        (["en-GB"], "en", "en_GB"),
        (["fr", "it", "es"], "es", "es"),
        (["fr"], "en", "en"),
        (["*", "", "d", "../de", "de_AT", "\N{LATIN SMALL LETTER LONG S}s"], "en", "en"),
    ],
)
def test_the_first_language_with_a_translation_is_used(
    tags: list[str], language: str, locale: str
) -> None:
    speech = speech_for(tags, TRANSLATIONS)

    assert (speech.language, str(speech.locale)) == (language, locale)


@given(st.text(max_size=40))
def test_every_accept_language_header_leads_to_a_language(header: str) -> None:
    assert speech_for(preferred_languages(header), TRANSLATIONS).language in TRANSLATIONS
