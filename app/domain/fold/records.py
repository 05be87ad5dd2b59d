"""Rows that the fold reads and writes: events, payments, and their connections."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from app.domain.payments.facts import PaymentFacts
from app.domain.stripe_events.event import StripeEvent


class EventState(StrEnum):
    """An event's state.

    `recorded`: stored, but does not concern a payment. `waiting`: concerns one that no session has
    named yet. `failed`: not understood, or only partly. `unread`: recorded by an older version of
    this program; it is read again at the next start.
    """

    RECORDED = "recorded"
    WAITING = "waiting"
    FOLDED = "folded"
    FAILED = "failed"
    UNREAD = "unread"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """An event read from its row. `event` is None if its payload was deleted."""

    id: str
    state: EventState
    event: StripeEvent | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """An event's final state, and the reason if it failed."""

    event_id: str
    state: EventState
    reason: str | None


class Mention(NamedTuple):
    """An event mentions a Stripe object, by its id."""

    object_id: str
    event_id: str


class Link(NamedTuple):
    """A Stripe object belongs to a session's payment."""

    object_id: str
    session_id: str


class Wake(NamedTuple):
    """The events that mention a linked object must still be folded: those after `event_id`.

    In the order of their ids, so an empty id means all of them.
    """

    object_id: str
    event_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """A stored payment. `updated_at_ms` is when its facts last changed.

    `version` counts its changes, including those of its renewals, which are stored separately.
    `price_mismatch`: Stripe's subtotal or currency differs from the catalog's.
    `before` are a changed payment's previous facts, without those of renewals, and
    `renewals_refunded_minor` is by how much the refunds of its renewals changed.
    """

    session_id: str
    facts: PaymentFacts
    updated_at_ms: int
    version: int = 1
    price_mismatch: bool = False
    before: PaymentFacts | None = field(default=None, compare=False)
    renewals_refunded_minor: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """The facts of one renewal of a session's subscription, stored separately from its payment.

    Without facts, the renewal no longer exists.
    """

    session_id: str
    invoice_id: str
    facts: PaymentFacts
