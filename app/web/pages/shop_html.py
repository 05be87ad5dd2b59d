"""The HTML of one shop's pages for buyers, in every language that has a translation."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from jinja2 import Environment
from markupsafe import Markup
from starlette.datastructures import Headers, QueryParams
from starlette.types import Scope

from app.web.http.negotiation import preferred_languages
from app.web.pages.brand import brand_style
from app.web.pages.languages import Speech, read_translations, speech_for
from app.web.pages.pages import SECURITY_HEADERS, TEMPLATES, make_environment, policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """The shop of a page: its URL, its name, its color as `#rrggbb`.

    `portal_url` is Stripe's page where buyers manage their subscriptions.
    """

    url: str
    name: str
    color: str
    portal_url: str | None = None


class ShopHtml:
    """Renders pages in this shop's style."""

    def __init__(self, shop: Shop) -> None:
        translations = read_translations()
        style = "".join((TEMPLATES / name).read_text() for name in ("page.css", "shop.css"))
        self._style: Final = style + brand_style(shop.color)
        self._translations: Final = translations
        self._environments: Final = {
            language: _environment(translation) for language, translation in translations.items()
        }
        self._shown: Final = {
            "shop": shop,
            "style": Markup(self._style),  # noqa: S704 our own files, and a color that was checked
        }

    def speech(self, scope: Scope) -> Speech:
        """Return the requested language: `?lang=`, or else Accept-Language."""
        asked = QueryParams(scope.get("query_string", b"")).get("lang")
        accepted = preferred_languages(Headers(scope=scope).get("accept-language", ""))
        return speech_for([*([asked] if asked else []), *accepted], self._translations)

    def render(self, template: str, speech: Speech, values: Mapping[str, object]) -> str:
        """Return the complete page."""
        return (
            self._environments[speech.language]
            .get_template(template)
            .render(
                {**self._shown, **values},
                language=speech.tag,
                direction=speech.locale.text_direction,
            )
        )

    def headers(self, speech: Speech, *directives: str) -> dict[str, str]:
        """Return a page's headers; CSP `directives` allow more than its own style."""
        return SECURITY_HEADERS | {
            "Content-Security-Policy": policy(self._style, *directives),
            "Content-Language": speech.tag,
            "X-Robots-Tag": "noindex",
        }


def _environment(translation: object) -> Environment:
    environment = make_environment()
    environment.add_extension("jinja2.ext.i18n")
    environment.policies["ext.i18n.trimmed"] = True
    environment.install_gettext_translations(translation, newstyle=True)  # type: ignore[attr-defined]
    return environment
