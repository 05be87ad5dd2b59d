"""Who looks at a page, and with what: a screen, a taste, a language, script or none."""

from dataclasses import dataclass
from itertools import product
from typing import Final

from playwright.async_api import Browser, BrowserContext, Page, ViewportSize

from tests.support.browser.watch import Watch
from tests.support.builders import DEADLINE_S

WIDE: Final = ViewportSize(width=1280, height=800)
NARROW: Final = ViewportSize(width=360, height=740)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One way to look at a page."""

    narrow: bool = False
    dark: bool = False
    script: bool = True
    locale: str = "en-GB"
    timezone: str = "UTC"

    def __str__(self) -> str:
        script = () if self.script else ("without script",)
        return " ".join((self.size, self.colors, *script, self.locale))

    @property
    def size(self) -> str:
        return "narrow" if self.narrow else "wide"

    @property
    def colors(self) -> str:
        return "dark" if self.dark else "light"


ORDINARY: Final = Variant()
LOOKS: Final = tuple(
    Variant(narrow=narrow, dark=dark) for narrow, dark in product((False, True), repeat=2)
)
LANGUAGES: Final = tuple(
    Variant(narrow=True, locale=locale) for locale in ("en-GB", "es-ES", "de-DE")
)


class Visitors:
    """Opens pages for people who know nothing of each other; `watch` sees all of them."""

    def __init__(self, browser: Browser, watch: Watch) -> None:
        self._browser = browser
        self._watch = watch
        self._contexts: list[BrowserContext] = []

    async def new(self, variant: Variant = ORDINARY, *, base_url: str | None = None) -> Page:
        """An empty page of somebody new, for whom `base_url` goes before every path."""
        context = await self._browser.new_context(
            viewport=NARROW if variant.narrow else WIDE,
            color_scheme="dark" if variant.dark else "light",
            java_script_enabled=variant.script,
            locale=variant.locale,
            timezone_id=variant.timezone,
            base_url=base_url,
        )
        context.set_default_timeout(DEADLINE_S * 1000)
        self._contexts.append(context)
        await self._watch.over(context)
        return await context.new_page()

    async def leave(self) -> None:
        for context in self._contexts:
            await context.close()
