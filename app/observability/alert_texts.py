"""The text of an alert in a chat: which shop, what buyers see, and what to do."""

from collections.abc import Mapping
from typing import Final

from app.domain.printable import printable
from app.usecases.ports import AlertName

RUNBOOK: Final = "docs/alerts.md"

_SELLING: Final = "can buy as usual"
BUYERS: Final[Mapping[AlertName, str]] = {
    AlertName.ALTAN_PAY_DOWN: "cannot buy: they are asked to try again in a moment",
    AlertName.ALTAN_PAY_MISCONFIGURED: "cannot buy: they see an error page",
    AlertName.ALTAN_PAY_MALFORMED: "may be unable to buy: they see an error page",
    AlertName.STORAGE_UNAVAILABLE: "cannot buy, and pages show outdated payments",
    AlertName.SIGNATURE_FAILURES_BURST: f"{_SELLING}; with a wrong secret, none shows as paid",
    AlertName.PRICE_MISMATCH: "can buy; one paid a price that differs from the catalog",
    AlertName.CARD_TESTING_SUSPECTED: "may have to wait: a rate limit was reached",
    AlertName.EVENT_FOLD_FAILED: f"{_SELLING}; one payment may show an outdated status",
    AlertName.PAYMENT_CONTRADICTED: f"{_SELLING}; one payment's status is uncertain",
    AlertName.ACCOUNT_DEAUTHORIZED: "cannot buy: they see an error page",
    AlertName.CATALOG_BROKEN: f"{_SELLING}, from the previous catalog",
    AlertName.RATE_LIMITS_UNAVAILABLE: f"{_SELLING}; there are no rate limits",
    AlertName.CHECKOUT_CLAIM_REFUSED: f"{_SELLING}; one session was not counted as a payment",
    AlertName.ORDER_FLAGGED: f"{_SELLING}; an order waits for you",
    AlertName.LIVE_PLACES_FULL: f"{_SELLING}; some pages update later",
    AlertName.NOTIFICATION_FAILED: f"{_SELLING}; your system missed one notification",
    AlertName.NOTIFICATIONS_FAILING: f"{_SELLING}; your system is not notified of orders",
    AlertName.NOTIFICATIONS_PAUSED: f"{_SELLING}; your system is not notified of orders",
    AlertName.EVENT_NEVER_MADE: f"{_SELLING}; one payment may miss an update",
    AlertName.EVENTS_WERE_MISSED: f"{_SELLING}; some orders showed as paid late",
    AlertName.STRIPE_KEY_REFUSED: f"{_SELLING}; a missed event stays missed",
    AlertName.NOTHING_BUT_REFUSED_WEBHOOKS: "can pay, but their orders do not show as paid",
    AlertName.BACKGROUND_WORK_FAILED: f"{_SELLING}; what the work does is late",
}


def alert_text(shop: str, name: AlertName, message: str, *, is_over: bool) -> str:
    """Return the text for a chat; `shop` is the shop's name and URL."""
    shown = printable(message)
    if is_over:
        return f"altan-checkout: *{name}* is over: {shown}\nShop: {shop}"
    return (
        f"altan-checkout: *{name}*: {shown}\n"
        f"Shop: {shop}\nBuyers: {BUYERS.get(name, _SELLING)}.\nWhat to do: {RUNBOOK}#{name}"
    )
