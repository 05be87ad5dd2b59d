"""What is asked of orders, and what answers: values between use cases, adapters and edges."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeVar

from app.domain.payments.facts import PaymentStatus
from app.domain.payments.flags import Flag
from app.domain.stripe_events.event import StripeEvent
from app.usecases.records import Checkout, EventState, Link, Payment, Renewal, StoredEvent

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFilter:
    """Which orders are wanted. Times are epoch milliseconds; no status means any."""

    client_reference_id: str | None = None
    statuses: frozenset[PaymentStatus] = frozenset()
    flagged: bool | None = None
    created_gte_ms: int | None = None
    created_lt_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class OrderPosition:
    """Where an order stands. They are listed by when they were created, then by id, latest first.

    The id is the checkout's, or the session's where there is no checkout.
    """

    created_at_ms: int
    order_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRange:
    """A part of the list: what comes after one position, down to another where there is one."""

    wanted: OrderFilter
    after: OrderPosition | None
    until: OrderPosition | None = None
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderEvent:
    """An event that concerns a session's payment.

    `event` is there for the session's own events, while their bodies are kept. `state_changes`
    counts how often its state has changed.
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
    """Other orders of the same number and cart, of the same 24 hours.

    `paid_ids` are those that are paid. `version` is what their payments' versions add up to.
    """

    paid_ids: frozenset[str]
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagCause:
    """One cause of an order's flag: what is told, and seen, once."""

    order_id: str
    flag: Flag
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownCause:
    """A cause that the owner was told of, or that an operator has seen, or both."""

    cause: FlagCause
    is_told: bool
    is_seen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderParts:
    """All that an order's document is made of.

    `payments` are those of every session that was made for it, together with their renewals.
    """

    position: OrderPosition
    checkout: Checkout | None
    payments: Sequence[Payment]
    events: Sequence[OrderEvent] = ()
    twins: Twins | None = None
    known: Sequence[KnownCause] = ()

    @property
    def client_reference_id(self) -> str | None:
        """The order's number: the cart's, or a session's own where there is no cart."""
        if self.checkout:
            return self.checkout.client_reference_id
        details = [each.facts.details for each in self.payments if each.facts.details]
        return next(filter(None, (each.client_reference_id for each in details)), None)


class Twin(NamedTuple):
    """Two checkouts have the same order number and cart, and were started within 24 hours."""

    order_id: str
    twin_id: str


class Origin(NamedTuple):
    """A session that another one recovers, or is; `names` is the one that it recovers itself."""

    asked: str
    session_id: str
    names: str | None


class Recovery(NamedTuple):
    """A payment that belongs to a session, as its own or as one that recovered it."""

    session_id: str
    payment: Payment
    created_at_ms: int


class OrderBook(Protocol):
    """One moment's orders, as the database has them."""

    async def checkouts_in(self, asked: OrderRange) -> Sequence[OrderPosition]:
        """The checkouts of a part of the list that may fit, latest first."""
        ...

    async def strangers_in(self, asked: OrderRange) -> Sequence[OrderPosition]:
        """The sessions of a part of the list that are no checkout's own, and may fit."""
        ...

    async def sessions_of_status(
        self, statuses: Collection[PaymentStatus], *, limit: int
    ) -> Sequence[str]:
        """Some sessions whose payments have one of these statuses."""
        ...

    async def flagged_sessions(self, *, after: str = "", limit: int) -> Sequence[str]:
        """The next sessions whose own facts ask for somebody to look, in their order."""
        ...

    async def failed_events(self, *, limit: int) -> Sequence[StoredEvent]:
        """The latest events that could not be folded whole."""
        ...

    async def twin_checkouts(self, *, limit: int) -> Sequence[str]:
        """Some checkouts that share their order number, cart and day with another one."""
        ...

    async def checkouts_with_twins(
        self, session_ids: Collection[str], checkout_ids: Collection[str]
    ) -> Sequence[str]:
        """Those of these sessions' checkouts, and of these checkouts, that have a twin."""
        ...

    async def links_of(self, object_ids: Collection[str]) -> Sequence[Link]:
        """To which sessions these objects belong."""
        ...

    async def checkouts(self, ids: Collection[str]) -> Sequence[Checkout]:
        """The checkouts of these ids."""
        ...

    async def checkouts_of_sessions(self, session_ids: Collection[str]) -> Sequence[Checkout]:
        """The checkouts whose own sessions these are."""
        ...

    async def origins(self, session_ids: Collection[str]) -> Sequence[Origin]:
        """Each session's own payment, and those that it recovers, nearest first."""
        ...

    async def recoveries(self, session_ids: Collection[str]) -> Sequence[Recovery]:
        """The payments of these sessions, and of each that recovered one; each with the first."""
        ...

    async def claiming(self, checkout_ids: Collection[str]) -> Sequence[Payment]:
        """The payments whose success URL names one of these checkouts."""
        ...

    async def renewals_of(self, session_ids: Collection[str]) -> Sequence[Renewal]:
        """Every renewal of these sessions' subscriptions."""
        ...

    async def events_of(self, session_ids: Collection[str]) -> Sequence[OrderEvent]:
        """The events that concern these sessions' payments, in the order of their ids."""
        ...

    async def twins_of(self, checkout_ids: Collection[str]) -> Sequence[Twin]:
        """The twins of these checkouts, the oldest hundred of each."""
        ...

    async def known_causes(self, order_ids: Collection[str]) -> Sequence[KnownCause]:
        """What was told and seen of these orders' flags."""
        ...


class OrderDatabase(Protocol):
    """Where orders are read."""

    async def read_orders(self, look: Callable[[OrderBook], Awaitable[T]]) -> T:
        """Run `look` over one moment's committed rows.

        Raises:
            StorageUnavailableError: the database cannot be read.
        """
        ...
