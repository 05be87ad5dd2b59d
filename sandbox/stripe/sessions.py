"""Checkout Sessions: what the buyer is paying for and how far they have come."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from sandbox.shop.prices import Mode, Price
from sandbox.stripe.returns import Dispute, DisputeStatus, Refund

SESSIONS_MAX = 1000  # The sandbox may run for weeks; older sessions are forgotten.
SESSION_ID_PLACEHOLDER = "{CHECKOUT_SESSION_ID}"


class Stage(StrEnum):
    """How far a session has come; Stripe's two status fields follow from it."""

    OPEN = "open"
    PAID = "paid"
    AWAITING_BANK = "awaiting_bank"
    BANK_FAILED = "bank_failed"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A price and how many of it."""

    price: Price
    quantity: int

    @property
    def amount_minor(self) -> int:
        """The line's total."""
        return self.price.unit_amount_minor * self.quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a shop asks Altan Pay to sell: checked, of one currency, never empty."""

    mode: Mode
    lines: tuple[Line, ...]
    success_url: str
    cancel_url: str

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
        """What each renewal costs: the lines that come again."""
        return sum(line.amount_minor for line in self.lines if line.price.interval is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """A subscription's later period, billed and paid."""

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
    """The latest one."""
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
        """The stage, and what has happened since, in words."""
        words = [self.stage.value]
        if self.refunds:
            words.append(f"{self.refunded_minor} of {self.order.amount_minor} refunded")
        if self.dispute is not None:
            words.append(f"dispute {self.dispute.status}")
        if self.canceled_at is not None:
            words.append("canceled")
        return ", ".join(words)

    @property
    def refunded_minor(self) -> int:
        """The sum of all refunds."""
        return sum(refund.amount_minor for refund in self.refunds)

    @property
    def is_in_dispute(self) -> bool:
        """True while nobody has decided it."""
        return self.dispute is not None and self.dispute.status is DisputeStatus.NEEDS_RESPONSE

    @property
    def refundable_minor(self) -> int:
        """What the shop can still send back, or the buyer's bank dispute.

        Nothing while a dispute is open, and nothing once it is lost: the bank has the money
        (Stripe's docs: refunds, "charge_disputed"). Subscriptions are not refunded here.
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

        Stripe fills in the literal braces only; a percent-encoded placeholder stays as it is
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
        """How many are kept."""
        return len(self._by_id)

    def get(self, session_id: str) -> Session | None:
        """Return the session, or None if it never was or is forgotten."""
        return self._by_id.get(session_id)

    def put(self, session: Session) -> None:
        """Keep a new session or a known one's next stage; forget the oldest beyond the limit."""
        self._by_id[session.id] = session
        if len(self._by_id) > self._limit:
            del self._by_id[next(iter(self._by_id))]
