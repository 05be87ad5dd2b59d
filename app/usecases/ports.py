"""What the use cases need of the world. The adapters fulfil these; tests do it with real ones."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeVar

from app.domain.cart import Cart, Mode
from app.domain.money import Money
from app.domain.payment import PaymentFacts, PaymentStatus
from app.domain.redirects import PaymentPage

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOrder:
    """What a payment page is asked for."""

    cart: Cart
    success_url: str
    cancel_url: str


class CartLimits(Protocol):
    """How many checkouts may be started, whoever starts them."""

    async def check_cart(self, prices: Collection[str]) -> None:
        """Count one checkout of these prices.

        Raises:
            RateLimitedError: there are too many.
        """
        ...


StillWanted = Callable[[], Awaitable[bool]]
"""Whether anybody still waits for the answer; asked before something is tried once more."""


class PaymentPages(Protocol):
    """Altan Pay, or whoever makes hosted payment pages."""

    async def create(self, order: SessionOrder, still_wanted: StillWanted) -> PaymentPage:
        """Make one payment page.

        Raises:
            CartRefusedError, AltanPayMisconfiguredError, AltanPayMalformedError,
            AltanPayUnavailableError, AltanPayTimeoutError: nothing else, ever.
        """
        ...


class SignatureCheck(Protocol):
    """Knows the webhook secrets."""

    def verify(self, body: bytes, headers: Sequence[bytes]) -> None:
        """Prove that Stripe sent `body`, by the values of all Stripe-Signature headers.

        Raises:
            SignatureMissingError, SignatureInvalidError: it is not proven.
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
    ACCOUNT_DEAUTHORIZED = "account_deauthorized"
    CATALOG_BROKEN = "catalog_broken"
    RATE_LIMITS_UNAVAILABLE = "rate_limits_unavailable"


class Alarm(Protocol):
    """Tells the owner. Never fails, never waits."""

    def __call__(self, name: AlertName, words: str) -> None:
        """Say what happened, in words without secrets or anybody's personal data."""
        ...


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """A cart that was sent to a payment page. `session_id` is None where its URL did not tell.

    `expected` is what the catalogue says that it costs, before taxes and discounts.
    """

    id: str
    created_at_ms: int
    cart: Cart
    client_reference_id: str | None
    success_url: str
    cancel_url: str
    url: str
    session_id: str | None
    expected: Money | None = None


class ClaimState(StrEnum):
    """How far the checkout of an idempotency key has come: its recovery points."""

    CREATING = "creating"
    OPEN = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Who holds an idempotency key: the checkout that is being made, or was made, with it.

    While `creating`, the holder has until `lease_until_ms`; a holder that died is then succeeded.
    """

    key_digest: str
    fingerprint: str
    checkout_id: str
    state: ClaimState
    lease_until_ms: int
    created_at_ms: int


class EventState(StrEnum):
    """How far an event has come. `recorded`: kept, and about no payment."""

    RECORDED = "recorded"
    FOLDED = "folded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """An event as it is kept, with its payload byte for byte."""

    id: str
    type: str
    created_s: int | None
    received_at_ms: int
    account: str | None
    livemode: bool | None
    state: EventState
    reason: str | None
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """A payment as it is kept. `updated_at_ms` is when its facts last changed.

    `price_mismatch`: Stripe's subtotal or currency is not what the catalogue said.
    """

    session_id: str
    facts: PaymentFacts
    updated_at_ms: int
    price_mismatch: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentView:
    """What anybody who holds an unguessable id may know. Nothing in it is personal."""

    checkout_id: str | None
    session_id: str | None
    mode: Mode | None
    status: PaymentStatus
    amount_total_minor: int | None
    currency: str | None
    amount_refunded_minor: int
    paid_at_s: int | None
    updated_at_ms: int


class Transaction(Protocol):
    """One unit of work. What is not committed when the act returns is rolled back."""

    async def add_checkout(self, checkout: Checkout) -> None:
        """Keep a checkout."""
        ...

    async def claim(self, claim: Claim, *, dead_before_ms: int) -> Claim:
        """Take a key that is free, older than `dead_before_ms`, or whose holder's lease is over.

        Returns who holds it now: `claim` itself, or the one that was there first.
        """
        ...

    async def fulfil_claim(self, key_digest: str, checkout_id: str) -> bool:
        """Mark the key's checkout as made; False where another holds the key by now."""
        ...

    async def free_claim(self, key_digest: str, checkout_id: str) -> None:
        """Give a key back whose checkout could not be made."""
        ...

    async def forget_claims(self, *, dead_before_ms: int) -> int:
        """Delete some of the keys older than that; how many there were."""
        ...

    async def add_events(self, events: Sequence[EventRow]) -> Collection[str]:
        """Keep new events, and failed ones that can be folded now; the ids of both."""
        ...

    async def payments(self, session_ids: Collection[str]) -> Mapping[str, Payment]:
        """The payments that exist already, by session id."""
        ...

    async def expected_subtotal(self, session_id: str, checkout_id: str | None) -> Money | None:
        """What the catalogue said that this session's cart costs, where it did."""
        ...

    async def beat(self, at_ms: int) -> None:
        """Write one small row, to know that a commit is possible."""
        ...

    async def save_payments(self, payments: Collection[Payment]) -> None:
        """Keep the payments as they are now."""
        ...

    async def link(self, linked_ids: Mapping[str, str]) -> None:
        """Remember to which session's payment each of these Stripe ids belongs."""
        ...

    async def commit(self) -> None:
        """Make everything above durable: on disk when this returns."""
        ...


class Database(Protocol):
    """The one durable memory."""

    async def write(self, act: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run `act` in a transaction of its own.

        Raises:
            StorageUnavailableError: nothing was committed.
        """
        ...

    async def find_checkout(self, checkout_id: str) -> Checkout | None:
        """The checkout of this id."""
        ...

    async def find_claim(self, key_digest: str) -> Claim | None:
        """Who holds this key."""
        ...

    async def find_checkout_of_session(self, session_id: str) -> Checkout | None:
        """The checkout whose payment page was this session's."""
        ...

    async def find_payment(self, session_id: str) -> Payment | None:
        """The payment of this session."""
        ...

    async def find_payments_claiming(self, checkout_id: str) -> Sequence[Payment]:
        """The payments whose success URL names this checkout."""
        ...
