"""The ports of the use cases, except storage. Adapters implement them."""

from collections.abc import Callable, Collection, Sequence
from enum import StrEnum
from typing import Protocol

from app.domain.checkout.redirects import PaymentPage
from app.usecases.records import SessionOrder


class CartLimits(Protocol):
    """Limits how many checkouts may be started."""

    async def check_cart(self, client: str, prices: Collection[str]) -> None:
        """Count one checkout of these prices by this client.

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
    """Knows the webhook secrets."""

    def read_header(self, headers: Sequence[bytes]) -> str:
        """The Stripe-Signature header, of the values of all that came; before any body is read.

        Raises:
            SignatureMissingError, SignatureInvalidError: no body can be proven by it.
        """
        ...

    def verify(self, body: bytes, header: str) -> None:
        """Prove that Stripe sent `body`, by a header that was read.

        Raises:
            SignatureInvalidError: it is not proven.
        """
        ...


class AlertName(StrEnum):
    """What the owner must know. docs/alerts.md says what to do about each."""

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


class Alarm(Protocol):
    """Tells the owner. Never fails, never waits."""

    def __call__(self, name: AlertName, message: str) -> None:
        """Say what happened, in words without secrets or anybody's personal data."""
        ...


AllClear = Callable[[AlertName, str], None]
"""Reports that an alert is over; never fails and never waits."""


def say_nothing(name: AlertName, message: str) -> None:
    """An all-clear that nobody hears."""


class Clock(Protocol):
    """The time of day."""

    def now_ms(self) -> int:
        """Milliseconds since 1970, UTC."""
        ...


class CheckoutIds(Protocol):
    """Makes the ids under which buyers may ask for their payment."""

    def new(self, now_ms: int) -> str:
        """An id nobody can guess (128 random bits), later ones sorting after earlier ones."""
        ...

    def new_key(self) -> str:
        """A checkout's secret: 128 random bits, as letters, digits, `-` and `_`."""
        ...
