"""The ports of the use cases, except storage. Adapters implement them."""

from collections.abc import Collection, Sequence
from enum import StrEnum
from typing import Protocol

from app.domain.checkout.redirects import PaymentPage
from app.usecases.records import SessionOrder


class CartLimits(Protocol):
    """Limits how many checkouts may be started."""

    async def check_cart(self, client: str | None, prices: Collection[str]) -> None:
        """Count one checkout of these prices by this client; None is the shop's own server.

        Raises:
            RateLimitedError: there are too many.
        """
        ...


class PaymentPages(Protocol):
    """Creates hosted payment pages, as Altan Pay does."""

    async def create(self, order: SessionOrder) -> PaymentPage:
        """Create one payment page.

        Raises:
            CartRefusedError, AltanPayMisconfiguredError, AltanPayMalformedError,
            AltanPayUnavailableError, AltanPayTimeoutError: nothing else, ever.
        """
        ...


class SignatureCheck(Protocol):
    """Verifies webhooks with the secrets."""

    def read_header(self, headers: Sequence[bytes]) -> str:
        """Read the Stripe-Signature header from all received values, before the body is read.

        Raises:
            SignatureMissingError, SignatureInvalidError: it cannot verify any body.
        """
        ...

    def verify(self, body: bytes, header: str) -> None:
        """Verify that Stripe sent `body`, with a header that was read.

        Raises:
            SignatureInvalidError: the signature does not match.
        """
        ...


class AlertName(StrEnum):
    """Alerts for the owner. docs/alerts.md says what to do about each."""

    ALTAN_PAY_DOWN = "altan_pay_down"
    ALTAN_PAY_MISCONFIGURED = "altan_pay_misconfigured"
    ALTAN_PAY_MALFORMED = "altan_pay_malformed"
    STORAGE_UNAVAILABLE = "storage_unavailable"
    SIGNATURE_FAILURES_BURST = "signature_failures_burst"
    PRICE_MISMATCH = "price_mismatch"
    CARD_TESTING_SUSPECTED = "card_testing_suspected"
    EVENT_FOLD_FAILED = "event_fold_failed"
    PAYMENT_CONTRADICTED = "payment_contradicted"
    ACCOUNT_DEAUTHORIZED = "account_deauthorized"
    CHECKOUT_CLAIM_REFUSED = "checkout_claim_refused"
    EVENT_NEVER_MADE = "event_never_made"
    EVENTS_WERE_MISSED = "events_were_missed"
    STRIPE_KEY_REFUSED = "stripe_key_refused"
    CATALOG_BROKEN = "catalog_broken"
    RATE_LIMITS_UNAVAILABLE = "rate_limits_unavailable"
    NOTHING_BUT_REFUSED_WEBHOOKS = "nothing_but_refused_webhooks"
    LIVE_PLACES_FULL = "live_places_full"
    NOTIFICATION_FAILED = "notification_failed"
    NOTIFICATIONS_FAILING = "notifications_failing"
    NOTIFICATIONS_PAUSED = "notifications_paused"
    ORDER_FLAGGED = "order_flagged"
    BACKGROUND_WORK_FAILED = "background_work_failed"


class Alarm(Protocol):
    """Alerts the owner. Never fails, never waits."""

    def __call__(self, name: AlertName, message: str, *, subject: str = "") -> None:
        """Send a message without secrets or personal data.

        `subject` says what it is about, where one name is used for several: one of them neither
        hides another, nor ends it.
        """
        ...


class AllClear(Protocol):
    """Reports that an alert is over; never fails and never waits."""

    def __call__(self, name: AlertName, message: str, *, subject: str = "") -> None:
        """Report it, for the subject that the alert had."""
        ...


def say_nothing(name: AlertName, message: str, *, subject: str = "") -> None:
    """Ignores that an alert is over."""


class ShowAlert(Protocol):
    """Shows whether an alert's problem lasts, in a metric."""

    def __call__(self, name: AlertName, *, is_active: bool) -> None:
        """Show it; never fails and never waits, and may be called with the same state again."""
        ...


class Clock(Protocol):
    """The current time."""

    def now_ms(self) -> int:
        """Return milliseconds since 1970, UTC."""
        ...


class CheckoutIds(Protocol):
    """Creates checkout ids, with which buyers can read their payment."""

    def new(self, now_ms: int) -> str:
        """Return an id that cannot be guessed (128 random bits); later ids sort after earlier."""
        ...

    def new_key(self) -> str:
        """Return a checkout's secret: 128 random bits, as letters, digits, `-` and `_`."""
        ...
