"""What the fold learns of, and writes: events, payments, and what connects them, as rows."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from app.domain.payments.facts import PaymentFacts
from app.domain.stripe_events.event import StripeEvent


class EventState(StrEnum):
    """How far an event has come.

    `recorded`: kept, and about no payment. `waiting`: about one that no session has named yet.
    `failed`: not understood, or only in part. `unread`: recorded by a version of this program that
    understood less; it is read once more at the next start.
    """

    RECORDED = "recorded"
    WAITING = "waiting"
    FOLDED = "folded"
    FAILED = "failed"
    UNREAD = "unread"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """An event read back from its row. `event` is None once its payload's time is over."""

    id: str
    state: EventState
    event: StripeEvent | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """The state in which an event ends, and the reason of one that failed."""

    event_id: str
    state: EventState
    reason: str | None


class Mention(NamedTuple):
    """An event speaks of a Stripe object, by its id."""

    object_id: str
    event_id: str


class Link(NamedTuple):
    """A Stripe object belongs to a session's payment."""

    object_id: str
    session_id: str


class Wake(NamedTuple):
    """The events that speak of a linked object are still to be folded: those after `event_id`.

    In the order of their ids, so all of them after the empty one.
    """

    object_id: str
    event_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """A payment as it is kept. `updated_at_ms` is when its facts last changed.

    `version` counts the changes, also those of its renewals, which are kept apart.
    `price_mismatch`: Stripe's subtotal or currency is not what the catalogue said.
    `before`, of one that has just changed, are the facts that it had, without those of renewals.
    """

    session_id: str
    facts: PaymentFacts
    updated_at_ms: int
    version: int = 1
    price_mismatch: bool = False
    before: PaymentFacts | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """What is proven of one renewal of a session's subscription: kept apart from its payment.

    With no facts in it, there is no such renewal any more.
    """

    session_id: str
    invoice_id: str
    facts: PaymentFacts
