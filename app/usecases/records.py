"""Values between use cases and adapters: stored rows, and views of them."""

from dataclasses import dataclass, field
from enum import StrEnum

from app.domain.checkout.cart import Cart, CreatedBy, LineItem, Mode
from app.domain.checkout.passed_fields import PassedFields
from app.domain.fold.records import EventState
from app.domain.ids import UNKNOWN_BUCKET
from app.domain.money import ExpectedSubtotal
from app.domain.payments.status import PaymentStatus
from app.domain.payments.subscriptions import SubscriptionStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOrder:
    """A request for a payment page.

    `client` is the client's name from `networks.py`; it and `created_by` only count for limits, and
    are never sent on. `passed` are the cart's further fields for the page.
    """

    cart: Cart
    success_url: str
    cancel_url: str
    client: str = UNKNOWN_BUCKET
    passed: PassedFields = field(default_factory=dict, repr=False)
    created_by: CreatedBy = CreatedBy.BROWSER


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """A checkout. `session_id` is None if the payment page's URL did not contain it.

    `expected` is its price by the catalog, before taxes and discounts. `key_digest` is the digest
    of the secret in its success URL, which this `success_url` does not contain; None if an older
    version started it.
    """

    id: str
    created_at_ms: int
    cart: Cart
    client_reference_id: str | None
    success_url: str
    cancel_url: str
    url: str
    session_id: str | None
    expected: ExpectedSubtotal | None = None
    key_digest: str | None = None
    created_by: CreatedBy = CreatedBy.BROWSER


class ClaimState(StrEnum):
    """The state of an idempotency key's checkout: its recovery points."""

    CREATING = "creating"
    OPEN = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The holder of an idempotency key: the checkout that is being created, or was created.

    While `creating`, the holder has until `lease_until_ms`; then another request may take over.
    """

    key_digest: str
    fingerprint: str
    checkout_id: str
    state: ClaimState
    lease_until_ms: int
    created_at_ms: int


class EventSource(StrEnum):
    """How an event came: delivered, found in Stripe's list, or built from a read object."""

    WEBHOOK = "webhook"
    LISTED = "listed"
    READ = "read"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """A stored event, with its payload byte for byte; None if the payload was deleted."""

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
    """An operator's filter of events; the latest received first.

    `payment` is a session's id: the events that concern its payment. Without it, events whose
    payload was deleted are left out.
    """

    state: EventState | None = None
    type: str | None = None
    payment: str | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSummary:
    """An event in a list, without its payload."""

    id: str
    type: str
    created_s: int | None
    received_at_ms: int
    state: EventState
    reason: str | None
    has_payload: bool
    source: EventSource


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentVersion:
    """A payment's version, which shows whether it must be read again."""

    session_id: str
    checkout_id: str | None
    recovered_from: str | None
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionView:
    """A subscription for its buyer; all fields except the id are None until its events arrive."""

    id: str
    status: SubscriptionStatus | None
    current_period_end_s: int | None
    cancel_at_s: int | None
    cancel_at_period_end: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PageDetails:
    """What only the success page shows: the order number, its items, and what went wrong.

    `order_number` is the shop's own, or what a browser said. `cancel_url` leads back to the cart.
    `is_declined`: the page expired after an attempt to pay had failed. `is_lost`: the buyer's bank
    took the money back.
    """

    order_number: str | None = field(default=None, compare=False)
    line_items: tuple[LineItem, ...] = field(default=(), compare=False)
    cancel_url: str | None = field(default=None, compare=False)
    is_declined: bool = False
    is_lost: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentView:
    """What anybody with an unguessable id may see. It contains nothing personal.

    `version` never decreases: of two views of one payment, the greater is newer. Two views are
    equal if a buyer sees the same. `session_ids` are the sessions of the view: the requested one,
    and those that recovered it. `is_final`: nothing more will happen. `page` is in no document of
    the API.
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
    """A webhook's outcome; also the last one about our own checkouts, and the last alert."""

    TAKEN = "taken"
    REFUSED = "refused"
    IGNORED = "ignored"
    UNHEARD = "unheard"  # refused or ignored, and about one of our checkouts
    TOLD = "told"  # when the owner was alerted


@dataclass(frozen=True, slots=True)
class WebhookSighting:
    """When a webhook last had this outcome, why, and how often since the last accepted one."""

    kind: WebhookKind
    at_ms: int
    reason: str | None
    times: int
