"""The success page's HTML: a payment's status in the buyer's language."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from babel import Locale
from babel.dates import format_date, format_time

from app.domain.checkout.cart import LineItem, Mode
from app.domain.checkout.catalog import Catalog
from app.domain.money import Money
from app.domain.payments.status import PaymentStatus
from app.usecases.records import PaymentView
from app.web.pages.amounts import amount_text
from app.web.pages.languages import Speech
from app.web.pages.shop_html import ShopHtml
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
class Refresh:
    """How a page without script reloads: after how many seconds, with which query."""

    after_s: int
    query: str


@dataclass(frozen=True, slots=True)
class Script:
    """The page's script, and the digest in its address."""

    text: str = field(default_factory=_SCRIPT.read_text)

    @property
    def version(self) -> str:
        """The text's digest, which changes with the text."""
        return hashlib.blake2b(self.text.encode(), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True)
class Item:
    """One line of an order, as its buyer knows it."""

    quantity: int
    name: str


class SuccessHtml:
    """Renders the page of one shop. `catalog` gives the names of what is for sale now."""

    def __init__(self, shop_html: ShopHtml, catalog: Callable[[], Catalog | None]) -> None:
        self.shop_html: Final = shop_html
        self.script: Final = Script()
        self._catalog = catalog

    def render(
        self, view: PaymentView, speech: Speech, *, id_: str, is_late: bool, refresh: Refresh
    ) -> str:
        """Return the complete page. `is_late`: the buyer has waited for long without any change."""
        values = {
            "id": id_,
            "payment": status_document(view).decode(),
            "status": view.status,
            "mark_name": _MARKS[view.status],
            "is_subscription": view.mode is Mode.SUBSCRIPTION,
            "is_free": view.amount_total_minor == 0,
            "is_declined": view.page.is_declined,
            "is_lost": view.page.is_lost,
            "total": _amount(view.amount_total_minor, view.currency, speech.locale),
            "refunded": _amount(view.amount_refunded_minor, view.currency, speech.locale),
            "paid": _moment(view.paid_at_s, speech.locale),
            "subscription": view.subscription,
            "period_end": _period_end(view, speech.locale),
            "cancel_url": view.page.cancel_url,
            "order_number": view.page.order_number,
            "items": _items(view.page.line_items, self._catalog()),
            "is_late": is_late,
            "refresh": refresh,
            "script_version": self.script.version,
        }
        return self.shop_html.render("success.html", speech, values)


def _items(line_items: Sequence[LineItem], catalog: Catalog | None) -> list[Item]:
    """The order's lines by the catalog's names; none if one is unknown, as half is misleading."""
    prices = catalog.prices if catalog else {}
    found = [(item.quantity, prices.get(item.price)) for item in line_items]
    named = [Item(quantity, price.name) for quantity, price in found if price and price.name]
    return named if len(named) == len(found) else []


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
