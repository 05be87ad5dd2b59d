"""The pages' languages: English, and each that has a folder in `locale`."""

import gettext
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from babel import Locale, UnknownLocaleError
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LOCALE_FOLDER: Final = Path(__file__).parent / "locale"
SOURCE_LANGUAGE: Final = "en"  # the templates' language

_TAG: Final = re.compile(r"([a-z]{2,3})(?:-([a-z]{2}))?(?:-.*)?", re.IGNORECASE | re.ASCII)

Translations = Mapping[str, gettext.NullTranslations]


@dataclass(frozen=True, slots=True)
class Speech:
    """A page's language, by the folder's name, and the locale of its amounts and dates."""

    language: str
    locale: Locale

    @property
    def tag(self) -> str:
        """The language's tag in HTML and HTTP."""
        return self.language.replace("_", "-")


def read_translations(folder: Path = LOCALE_FOLDER) -> Translations:
    """Return the translations, by their folder's name, like `de` or `pt_BR`."""
    found: dict[str, gettext.NullTranslations] = {SOURCE_LANGUAGE: gettext.NullTranslations()}
    for path in sorted(folder.glob("*/LC_MESSAGES/messages.po")):
        found[path.parts[-3]] = _compiled(path)
    return found


def speech_for(tags: Iterable[str], translations: Translations) -> Speech:
    """Return the first of `tags` (RFC 5646, like `de-AT`) with a translation, or English.

    Amounts and dates are formatted for the tag's country, if it is known.
    """
    for tag in tags:
        if match := _TAG.fullmatch(tag):
            language, country = match[1].lower(), (match[2] or "").upper()
            for name in (f"{language}_{country}", language):
                if name in translations:
                    return Speech(name, _locale(language, country) or Locale.parse(name))
    return Speech(SOURCE_LANGUAGE, Locale(SOURCE_LANGUAGE))


def _compiled(path: Path) -> gettext.GNUTranslations:
    with path.open("rb") as file:
        catalog = read_po(file, abort_invalid=True)
    compiled = io.BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def _locale(language: str, country: str) -> Locale | None:
    try:
        return Locale(language, country or None)
    except UnknownLocaleError:
        return None
