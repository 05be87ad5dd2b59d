"""The success page's HTML: a payment's status in the buyer's language."""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from babel import Locale
from babel.dates import format_date, format_time
from jinja2 import Environment, Template
from markupsafe import Markup

from app.domain.checkout.cart import Mode
from app.domain.money import Money
from app.domain.payments.facts import PaymentStatus
from app.usecases.records import PaymentView
from app.web.pages.amounts import amount_text
from app.web.pages.brand import brand_style
from app.web.pages.languages import Speech, Translations, read_translations
from app.web.pages.pages import TEMPLATES, make_environment, policy
from app.web.payment_json import status_document

_SCRIPT: Final = Path(__file__).parent / "static" / "success_page.js"
_MARKS: Final = {
    PaymentStatus.OPEN: "spinner",
    PaymentStatus.PROCESSING: "clock",
    PaymentStatus.PAID: "tick",
    PaymentStatus.FAILED: "cross",
    PaymentStatus.EXPIRED: "clock",
    PaymentStatus.PARTIALLY_REFUNDED: "back",
    PaymentStatus.REFUNDED: "back",
    PaymentStatus.DISPUTED: "dots",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """Whose page it is: its address, its name for people, its colour as `#rrggbb`."""

    url: str
    name: str
    color: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refresh:
    """How a page without script looks again: after how many seconds, with which query."""

    after_s: int
    query: str


@dataclass(frozen=True, slots=True)
class Script:
    """The page's script, and the digest that its address bears."""

    text: str = field(default_factory=_SCRIPT.read_text)

    @property
    def version(self) -> str:
        """Another for any other text."""
        return hashlib.blake2b(self.text.encode(), digest_size=8).hexdigest()


class SuccessHtml:
    """Renders the page of one shop, in every language that has a translation."""

    def __init__(self, shop: Shop) -> None:
        self.translations: Translations = read_translations()
        self.script: Final = Script()
        self._templates: Final = {
            language: _template(translation) for language, translation in self.translations.items()
        }
        style = "".join((TEMPLATES / name).read_text() for name in ("page.css", "success.css"))
        style += brand_style(shop.color)
        self.policy: Final = policy(style, "script-src 'self'", "connect-src 'self'")
        self._shown: Final = {
            "shop": shop,
            "style": Markup(style),  # noqa: S704 our own files, and a colour that was checked
            "script_version": self.script.version,
        }

    def render(
        self, view: PaymentView, speech: Speech, *, id_: str, is_late: bool, refresh: Refresh
    ) -> str:
        """Return the complete page. `is_late`: the buyer has waited for long without any change."""
        return self._templates[speech.language].render(
            self._shown,
            id=id_,
            payment=status_document(view).decode(),
            status=view.status,
            mark=_MARKS[view.status],
            is_subscription=view.mode is Mode.SUBSCRIPTION,
            is_free=view.amount_total_minor == 0,
            total=_amount(view.amount_total_minor, view.currency, speech.locale),
            refunded=_amount(view.amount_refunded_minor, view.currency, speech.locale),
            paid=_moment(view.paid_at_s, speech.locale),
            subscription=view.subscription,
            period_end=_period_end(view, speech.locale),
            is_late=is_late,
            refresh=refresh,
            language=speech.tag,
            direction=speech.locale.text_direction,
        )


def _template(translation: object) -> Template:
    environment: Environment = make_environment()
    environment.add_extension("jinja2.ext.i18n")
    environment.policies["ext.i18n.trimmed"] = True
    environment.install_gettext_translations(translation, newstyle=True)  # type: ignore[attr-defined]
    return environment.get_template("success.html")


def _amount(amount_minor: int | None, currency: str | None, locale: Locale) -> str | None:
    if amount_minor is None or currency is None:
        return None
    return amount_text(Money(amount_minor=amount_minor, currency=currency), locale)


def _moment(at_s: int | None, locale: Locale) -> dict[str, str] | None:
    """Format a time in UTC, because the buyer's time zone is unknown."""
    if at_s is None:
        return None
    at = datetime.fromtimestamp(at_s, UTC)
    date, time = format_date(at, "long", locale), format_time(at, "short", locale=locale)
    return {"iso": at.isoformat(), "date": date, "time": time}


def _period_end(view: PaymentView, locale: Locale) -> str | None:
    """Return when the subscription ends or, if it does not, when it renews."""
    subscription = view.subscription
    end_s = subscription and (subscription.cancel_at_s or subscription.current_period_end_s)
    return format_date(datetime.fromtimestamp(end_s, UTC), "long", locale) if end_s else None
