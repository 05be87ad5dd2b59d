"""Queries for orders, and their results, as used by use cases, adapters and the web layer."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol, TypeVar

from app.domain.fold.records import EventState, Link, Payment, Renewal, StoredEvent
from app.domain.payments.flags import Flag
from app.domain.payments.status import PaymentStatus
from app.domain.stripe_events.event import StripeEvent
from app.usecases.records import Checkout

T = TypeVar("T")

OPEN_ALONE: Final = frozenset({PaymentStatus.OPEN})
"""Such orders have an index of their own, so their list is short."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFilter:
    """A filter of orders. Times are epoch milliseconds; no status means any."""

    client_reference_id: str | None = None
    statuses: frozenset[PaymentStatus] = frozenset()
    flagged: bool | None = None
    created_gte_ms: int | None = None
    created_lt_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class OrderPosition:
    """An order's position in the list, which is sorted by creation and id, the latest first.

    The id is the checkout's, or the session's if there is no checkout.
    """

    created_at_ms: int
    order_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRange:
    """A part of the list: after one position, optionally up to another."""

    wanted: OrderFilter
    after: OrderPosition | None
    until: OrderPosition | None = None
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderEvent:
    """An event that concerns a session's payment.

    `event` is set for the session's own events while their bodies are stored. `state_changes`
    counts the changes of its state.
    """

    session_id: str
    id: str
    state: EventState
    received_at_ms: int
    is_own: bool
    is_pruned: bool
    state_changes: int
    event: StripeEvent | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Twins:
    """Other orders with the same number and cart within 24 hours, once they were paid.

    `paid_ids` are the paid ones. `version` is the sum of their payments' versions.
    """

    paid_ids: frozenset[str]
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagCause:
    """One cause of an order's flag, which is reported and seen once."""

    order_id: str
    flag: Flag
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownCause:
    """A cause that was reported, or that an operator has seen, or both."""

    cause: FlagCause
    is_reported: bool
    is_seen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderParts:
    """Everything that an order's document is built from.

    `payments` are those of every session that was created for it, with their renewals. `others`
    are those of sessions that name its checkout in their success URL, but are not its own, perhaps
    not any more; they and their events only count for the version.
    """

    position: OrderPosition
    checkout: Checkout | None
    payments: Sequence[Payment]
    others: Sequence[Payment] = ()
    events: Sequence[OrderEvent] = ()
    events_of_others: Sequence[OrderEvent] = ()
    twins: Twins | None = None
    known: Sequence[KnownCause] = ()

    @property
    def client_reference_id(self) -> str | None:
        """The order number: the cart's, or a session's own if there is no cart."""
        if self.checkout:
            return self.checkout.client_reference_id
        details = [each.facts.details for each in self.payments if each.facts.details]
        return next(filter(None, (each.client_reference_id for each in details)), None)


class Twin(NamedTuple):
    """Two checkouts have the same order number and cart, and were started within 24 hours."""

    order_id: str
    twin_id: str


class Origin(NamedTuple):
    """A session in a chain of recoveries; `names` is the one that it recovers."""

    asked: str
    session_id: str
    names: str | None


class Recovery(NamedTuple):
    """A payment of a session, or of one that recovered it."""

    session_id: str
    payment: Payment
    created_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BodySearch:
    """The result of searching the latest stored bodies for a text.

    `events` are those of sessions that contain it, the latest first. `looked_at` is how many stored
    events were looked at, and `since_ms` when the oldest of them was received. `is_complete`: these
    were all that are stored, and `events` are all that were found.
    """

    events: Sequence[StripeEvent]
    looked_at: int
    since_ms: int | None
    is_complete: bool


class OrderBook(Protocol):
    """Reads the database's orders at one moment."""

    async def checkouts_in(self, asked: OrderRange) -> Sequence[OrderPosition]:
        """Return matching checkouts in a part of the list, the latest first."""
        ...

    async def strangers_in(self, asked: OrderRange) -> Sequence[OrderPosition]:
        """Return matching sessions without a checkout in a part of the list."""
        ...

    async def sessions_of_status(
        self, statuses: Collection[PaymentStatus], *, limit: int
    ) -> Sequence[str]:
        """Return some sessions whose payments have one of these statuses."""
        ...

    async def flagged_sessions(self, *, after: str = "", limit: int) -> Sequence[str]:
        """Return the next sessions whose facts need attention, in order."""
        ...

    async def failed_events(self, *, limit: int) -> Sequence[StoredEvent]:
        """Return the latest events that were not fully folded."""
        ...

    async def paid_twice(self, *, limit: int) -> Sequence[str]:
        """Return some orders that were reported as paid twice."""
        ...

    async def paid_twins(self, *, since_ms: int, limit: int) -> Sequence[str]:
        """Return some paid checkouts whose second payment is not reported.

        Their sessions were created at `since_ms` or later.
        """
        ...

    async def checkouts_with_twins(
        self, session_ids: Collection[str], checkout_ids: Collection[str]
    ) -> Sequence[str]:
        """Return these checkouts, and those of these sessions, that have a twin."""
        ...

    async def links_of(self, object_ids: Collection[str]) -> Sequence[Link]:
        """Return the sessions that these objects belong to."""
        ...

    async def checkouts(self, ids: Collection[str]) -> Sequence[Checkout]:
        """Return the checkouts with these ids."""
        ...

    async def checkouts_of_sessions(self, session_ids: Collection[str]) -> Sequence[Checkout]:
        """Return the checkouts of these sessions."""
        ...

    async def origins(self, session_ids: Collection[str]) -> Sequence[Origin]:
        """Return each session's payment and those that it recovers, the nearest first."""
        ...

    async def recoveries(self, session_ids: Collection[str]) -> Sequence[Recovery]:
        """Return the payments of these sessions, and of those that recovered them."""
        ...

    async def claiming(self, checkout_ids: Collection[str]) -> Sequence[Payment]:
        """Return the payments whose success URL names one of these checkouts."""
        ...

    async def renewals_of(self, session_ids: Collection[str]) -> Sequence[Renewal]:
        """Return every renewal of these sessions' subscriptions."""
        ...

    async def events_of(self, session_ids: Collection[str]) -> Sequence[OrderEvent]:
        """Return the events that concern these sessions' payments, in the order of their ids."""
        ...

    async def twins_of(self, checkout_ids: Collection[str]) -> Sequence[Twin]:
        """Return those of the oldest hundred twins of each checkout that may have been paid."""
        ...

    async def known_causes(self, order_ids: Collection[str]) -> Sequence[KnownCause]:
        """Return which flags of these orders were reported and seen."""
        ...

    async def search_bodies(self, text: str, *, events_max: int, limit: int) -> BodySearch:
        """Search the latest `events_max` stored bodies for lower-case ASCII `text`, in any case."""
        ...


class OrderDatabase(Protocol):
    """Storage of orders, read-only."""

    async def read_orders(self, look: Callable[[OrderBook], Awaitable[T]]) -> T:
        """Run `look` over one moment's committed rows.

        Raises:
            StorageUnavailableError: the database cannot be read.
        """
        ...

    async def list_orders(self, look: Callable[[OrderBook], Awaitable[T]]) -> T:
        """Run `look` as `read_orders` does, if it may read many rows.

        Few of these run at once, so that they keep no checkout and no event waiting.

        Raises:
            StorageUnavailableError: the database cannot be read, or other lists take too long.
        """
        ...
