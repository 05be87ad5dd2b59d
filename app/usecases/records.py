"""What is kept, and what is shown of it: the values between use cases and adapters.

Those that the fold reads and writes are the domain's; they are found here, too.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from app.domain.checkout.cart import Cart, CreatedBy, LineItem, Mode
from app.domain.checkout.passed_fields import PassedFields
from app.domain.fold.records import (
    EventState,
    Link,
    Mention,
    Payment,
    Renewal,
    Settled,
    StoredEvent,
    Wake,
)
from app.domain.ids import UNKNOWN_BUCKET
from app.domain.money import Money
from app.domain.payments.claims import SoldCheckout
from app.domain.payments.facts import PaymentStatus
from app.domain.payments.subscriptions import SubscriptionStatus

__all__ = [
    "EventState",
    "Link",
    "Mention",
    "Payment",
    "Renewal",
    "Settled",
    "SoldCheckout",
    "StoredEvent",
    "Wake",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOrder:
    """What a payment page is asked for.

    `client` is who asks, by its name in `networks.py`; it is counted, and never sent on. `passed`
    are the cart's own further fields for the page.
    """

    cart: Cart
    success_url: str
    cancel_url: str
    client: str = UNKNOWN_BUCKET
    passed: PassedFields = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """A cart that was sent to a payment page. `session_id` is None where its URL did not tell.

    `expected` is what the catalogue says that it costs, before taxes and discounts. `key_digest`
    is of the secret in its success URL, which `success_url` here is without; None for a checkout
    that was started by a version that had none.
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
    key_digest: str | None = None
    created_by: CreatedBy = CreatedBy.BROWSER


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


class EventSource(StrEnum):
    """How an event came: delivered, found in Stripe's list, or made of an object that was read."""

    WEBHOOK = "webhook"
    LISTED = "listed"
    READ = "read"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """An event as it is kept, with its payload byte for byte; None once its time is over."""

    id: str
    type: str
    created_s: int | None
    received_at_ms: int
    account: str | None
    livemode: bool | None
    state: EventState
    reason: str | None
    payload: bytes | None
    source: EventSource = EventSource.WEBHOOK


@dataclass(frozen=True, slots=True, kw_only=True)
class EventQuery:
    """Which events an operator wants to see; the latest received first.

    `payment` is a session's id: the events that speak of its payment. Without it, events whose
    payload's time is over are left out.
    """

    state: EventState | None = None
    type: str | None = None
    payment: str | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSummary:
    """An event in a list: all but its payload."""

    id: str
    type: str
    created_s: int | None
    received_at_ms: int
    state: EventState
    reason: str | None
    has_payload: bool
    source: EventSource = EventSource.WEBHOOK


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentVersion:
    """How often a payment has changed: enough to know whether it must be read again."""

    session_id: str
    checkout_id: str | None
    recovered_from: str | None
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionView:
    """A subscription for its buyer; all but the id are None until its own events have come."""

    id: str
    status: SubscriptionStatus | None
    current_period_end_s: int | None
    cancel_at_s: int | None
    cancel_at_period_end: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PageDetails:
    """What only the success page shows: which order it is, what is in it, and what went wrong.

    `order_number` is the shop's own, or what a browser said. `is_declined`: the page
    expired after an attempt to pay had failed. `is_lost`: the buyer's bank took the money back.
    """

    order_number: str | None = field(default=None, compare=False)
    line_items: tuple[LineItem, ...] = field(default=(), compare=False)
    is_declined: bool = False
    is_lost: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentView:
    """What anybody who holds an unguessable id may know. Nothing in it is personal.

    `version` never falls: of two views of one payment, the greater is the later. Two views are
    equal where they tell a buyer the same. `session_ids` are the sessions that it is made of: the
    one that was asked for, and those that recovered it. `is_final`: nothing more will happen.
    `page` is in no document of the API.
    """

    checkout_id: str | None
    session_id: str | None
    mode: Mode | None
    status: PaymentStatus
    amount_total_minor: int | None
    currency: str | None
    amount_refunded_minor: int
    paid_at_s: int | None
    updated_at_ms: int = field(compare=False)
    subscription: SubscriptionView | None
    version: int = field(compare=False)
    session_ids: frozenset[str] = field(compare=False)
    is_final: bool = field(compare=False)
    page: PageDetails = field(default_factory=PageDetails)


class WebhookKind(StrEnum):
    """What became of a webhook; and when one about a checkout of ours, and the owner, was told."""

    TAKEN = "taken"
    REFUSED = "refused"
    IGNORED = "ignored"
    UNHEARD = "unheard"  # refused or ignored, and about a checkout of ours
    TOLD = "told"  # the owner was


@dataclass(frozen=True, slots=True)
class WebhookSighting:
    """When last a webhook ended so, why, and how often since the last one that was taken."""

    kind: WebhookKind
    at_ms: int
    reason: str | None
    times: int
