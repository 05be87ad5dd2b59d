"""Checkout Sessions: the order and its state."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from sandbox.shop.prices import Mode, Price
from sandbox.stripe.returns import Dispute, DisputeStatus, Refund

SESSIONS_MAX = 1000  # The sandbox may run for weeks; older sessions are forgotten.
SESSION_ID_PLACEHOLDER = "{CHECKOUT_SESSION_ID}"


class Stage(StrEnum):
    """A session's state, from which Stripe's two status fields are derived."""

    OPEN = "open"
    PAID = "paid"
    AWAITING_BANK = "awaiting_bank"
    BANK_FAILED = "bank_failed"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A price and its quantity."""

    price: Price
    quantity: int

    @property
    def amount_minor(self) -> int:
        """The line's total."""
        return self.price.unit_amount_minor * self.quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a shop asks Altan Pay to sell: validated, in one currency, never empty."""

    mode: Mode
    lines: tuple[Line, ...]
    success_url: str
    cancel_url: str
    further: Mapping[str, object] = field(default_factory=dict, hash=False)
    """Stripe's parameters beside the four that Altan documents."""

    @property
    def currency(self) -> str:
        """The lines' common currency, lower case as Stripe writes it."""
        return self.lines[0].price.currency

    @property
    def amount_minor(self) -> int:
        """The sum of all lines."""
        return sum(line.amount_minor for line in self.lines)

    @property
    def recurring_minor(self) -> int:
        """The amount of each renewal: the sum of the recurring lines."""
        return sum(line.amount_minor for line in self.lines if line.price.interval is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """A later period of a subscription, billed and paid."""

    invoice_id: str
    payment_intent_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One Checkout Session. The ids of other objects are None until the buyer confirms."""

    id: str
    fragment: str
    order: Order
    created: int
    stage: Stage = Stage.OPEN
    declines: int = 0
    payment_intent_id: str | None = None
    charge_id: str | None = None
    customer_id: str | None = None
    subscription_id: str | None = None
    invoice_id: str | None = None
    refunds: tuple[Refund, ...] = ()
    dispute: Dispute | None = None
    """The latest dispute."""
    renewals: tuple[Renewal, ...] = ()
    canceled_at: int | None = None
    """When the subscription ended."""

    @property
    def status(self) -> str:
        """Stripe's `status`: open, complete or expired."""
        if self.stage in (Stage.OPEN, Stage.EXPIRED):
            return self.stage.value
        return "complete"

    @property
    def payment_status(self) -> str:
        """Stripe's `payment_status`: paid or unpaid."""
        return "paid" if self.stage is Stage.PAID else "unpaid"

    @property
    def standing(self) -> str:
        """A description of the stage and of what has happened since."""
        parts = [self.stage.value]
        if self.refunds:
            parts.append(f"{self.refunded_minor} of {self.order.amount_minor} refunded")
        if self.dispute is not None:
            parts.append(f"dispute {self.dispute.status}")
        if self.canceled_at is not None:
            parts.append("canceled")
        return ", ".join(parts)

    @property
    def refunded_minor(self) -> int:
        """The sum of all refunds."""
        return sum(refund.amount_minor for refund in self.refunds)

    @property
    def is_in_dispute(self) -> bool:
        """True while a dispute is undecided."""
        return self.dispute is not None and self.dispute.status is DisputeStatus.NEEDS_RESPONSE

    @property
    def refundable_minor(self) -> int:
        """The amount that can still be refunded or disputed.

        Zero while a dispute is open or after it is lost, because the bank has the money
        (Stripe's docs: refunds, "charge_disputed"). The sandbox does not refund subscriptions.
        """
        bank_has_it = self.dispute is not None and self.dispute.status is not DisputeStatus.WON
        if self.stage is not Stage.PAID or self.order.mode is not Mode.PAYMENT or bank_has_it:
            return 0
        return self.order.amount_minor - self.refunded_minor

    @property
    def is_subscribed(self) -> bool:
        """True for a subscription that was paid and has not ended."""
        return (
            self.stage is Stage.PAID
            and self.order.mode is Mode.SUBSCRIPTION
            and self.canceled_at is None
        )

    @property
    def return_url(self) -> str:
        """The success URL with the session's id in it.

        Stripe replaces only literal braces; a percent-encoded placeholder stays as it is
        (Stripe's docs: payments/checkout/custom-success-page).
        """
        return self.order.success_url.replace(SESSION_ID_PLACEHOLDER, self.id)


class Sessions:
    """The latest sessions, in memory."""

    def __init__(self, limit: int = SESSIONS_MAX) -> None:
        self._limit = limit
        self._by_id: dict[str, Session] = {}

    def __iter__(self) -> Iterator[Session]:
        """Yield the newest session first."""
        return reversed(self._by_id.values())

    def __len__(self) -> int:
        """The number of sessions that are kept."""
        return len(self._by_id)

    def get(self, session_id: str) -> Session | None:
        """Return the session, or None if it is unknown or forgotten."""
        return self._by_id.get(session_id)

    def put(self, session: Session) -> None:
        """Store a new or changed session; forget the oldest beyond the limit."""
        self._by_id[session.id] = session
        if len(self._by_id) > self._limit:
            del self._by_id[next(iter(self._by_id))]
