"""The one durable memory, as the use cases need it. The adapters fulfil this."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Protocol, TypeVar

from app.domain.notifications.notification import NewNotification
from app.usecases.records import (
    Checkout,
    Claim,
    EventQuery,
    EventRow,
    EventState,
    EventSummary,
    Link,
    Mention,
    Payment,
    PaymentVersion,
    Renewal,
    Settled,
    SoldCheckout,
    StoredEvent,
    Wake,
    WebhookSighting,
)

T = TypeVar("T")


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

    async def lock(self, object_ids: Collection[str]) -> None:
        """Let nobody else fold what mentions one of these ids, until the end.

        An event that makes a link and one that waits for it, folded at the same moment, would each
        see nothing of the other. It waits for others' locks, so it is called once, and first.
        """
        ...

    async def try_lock(self, object_ids: Collection[str]) -> bool:
        """The same without waiting; False where another transaction holds one of them.

        For ids that are met only after the first were locked.
        """
        ...

    async def known_events(self, event_ids: Collection[str]) -> Collection[str]:
        """Which of these are kept already and have not failed."""
        ...

    async def add_events(self, events: Sequence[EventRow]) -> Collection[str]:
        """Keep new events, and failed ones that can be folded now; the ids of both."""
        ...

    async def list_events(self, wanted: EventQuery) -> Sequence[EventSummary]:
        """The latest events of a kind."""
        ...

    async def events_after(
        self, received_at_ms: int, event_id: str, *, limit: int
    ) -> Sequence[EventSummary]:
        """The next events in the order in which they were received, ties by id."""
        ...

    async def find_event(self, event_id: str) -> EventRow | None:
        """One event, with its payload."""
        ...

    async def event_ids(self, state: EventState | None, *, after: str, limit: int) -> Sequence[str]:
        """A page of ids, in their order: those of one state, or all."""
        ...

    async def session_ids(self, *, after: str, limit: int) -> Sequence[str]:
        """A page of the sessions that have a payment or an event of their own, in their order."""
        ...

    async def prune_payloads(self, *, before_ms: int, limit: int) -> int:
        """Forget payloads of events received before that; how many."""
        ...

    async def try_to_lead(self) -> bool:
        """Whether this transaction alone, of all replicas', does the housekeeping now."""
        ...

    async def stored_events(self, event_ids: Collection[str]) -> Sequence[StoredEvent]:
        """Those of these events that are kept."""
        ...

    async def settle(self, events: Collection[Settled]) -> None:
        """Write the states in which replayed events end."""
        ...

    async def mention(self, mentions: Collection[Mention]) -> None:
        """Remember by which ids events can be found."""
        ...

    async def events_mentioning(
        self, object_ids: Collection[str], *, limit: int | None = None
    ) -> Sequence[StoredEvent]:
        """The events that speak of one of these ids, sessions' own events only by their own.

        Where there are more than `limit`, any so many of them.
        """
        ...

    async def events_of_wake(self, wake: Wake, *, limit: int) -> Sequence[StoredEvent]:
        """The next events that a wake is about, in the order of their ids."""
        ...

    async def pending_wakes(self, *, limit: int) -> Sequence[Wake]:
        """What earlier transactions left to be woken, in the order of the objects' ids."""
        ...

    async def keep_wakes(self, wakes: Collection[Wake]) -> None:
        """Leave these to a later transaction, in the place of older wakes of the same objects."""
        ...

    async def forget_wakes(self, object_ids: Collection[str]) -> None:
        """All events that speak of these objects are awake."""
        ...

    async def wake(self, event_ids: Collection[str]) -> None:
        """These events wait no longer: they have been folded."""
        ...

    async def links(self, object_ids: Collection[str]) -> Collection[Link]:
        """To which payments these ids belong."""
        ...

    async def link(self, links: Collection[Link]) -> None:
        """Remember to which payments these ids belong."""
        ...

    async def payments(self, session_ids: Collection[str]) -> Mapping[str, Payment]:
        """The payments that exist already, by session id."""
        ...

    async def save_payments(self, payments: Collection[Payment]) -> None:
        """Keep the payments as they are now."""
        ...

    async def renewals(self, object_ids: Mapping[str, Collection[str]]) -> Sequence[Renewal]:
        """The renewals that hold or name one of these ids, asked by session id."""
        ...

    async def all_renewals(self, session_id: str) -> Sequence[Renewal]:
        """Every renewal of a session's subscription."""
        ...

    async def save_renewals(self, renewals: Collection[Renewal]) -> None:
        """Keep these renewals as they are now; forget those without facts."""
        ...

    async def notify(self, new: Sequence[NewNotification]) -> None:
        """Keep these notifications, in their order; those that are there already stay."""
        ...

    async def sold_checkouts(
        self, checkout_ids: Mapping[str, str | None]
    ) -> Mapping[str, SoldCheckout]:
        """The checkouts that sessions pay, or claim to; by session id.

        Asked by session id, each with the checkout that its success URL names. A checkout whose
        own session it is goes before one that the URL names.
        """
        ...

    async def beat(self, at_ms: int) -> None:
        """Write one small row, to know that a commit is possible."""
        ...

    async def webhook_sightings(self) -> Sequence[WebhookSighting]:
        """When webhooks were last taken, refused and so on; nobody else writes it before the end.

        In a transaction that only reads, what is committed.
        """
        ...

    async def see_webhooks(self, sightings: Collection[WebhookSighting]) -> None:
        """Keep these in the place of the former ones of their kinds."""
        ...

    async def checkouts_between(self, first_id: str, last_id: str, *, limit: int) -> int:
        """How many checkouts have ids between these, and so were made between; `limit` at most."""
        ...

    async def commit(self) -> None:
        """Make everything above durable: on disk when this returns."""
        ...


class Database(Protocol):
    """The one durable memory."""

    async def write(self, act: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run `act` in a transaction of its own.

        Raises:
            CommitInDoubtError: perhaps it was committed, and perhaps it never will be.
            StorageUnavailableError: nothing was committed.
        """
        ...

    async def require_writable(self) -> None:
        """Before what costs something, and is of no use if the write after it fails.

        Writes nothing where the latest writes succeeded, so that it may not see the first failure.

        Raises:
            StorageUnavailableError: nothing can be written now.
        """
        ...

    async def give_back_space(self) -> None:
        """Return disk space that is not needed now; never fails, and does not hold up writes."""
        ...

    async def read(self, look: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run `look` over one moment's committed rows; it writes nothing.

        Raises:
            StorageUnavailableError: the database cannot be read.
        """
        ...

    async def versions(
        self, session_ids: Collection[str], checkout_ids: Collection[str]
    ) -> Sequence[PaymentVersion]:
        """How often the payments of these sessions and checkouts have changed, in one query."""
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

    async def find_recoveries(self, session_id: str) -> Sequence[Payment]:
        """The payment of this session, and of each session that recovered it, however often."""
        ...

    async def find_checkout_recovered(self, session_id: str) -> Checkout | None:
        """The checkout whose session expired, and was recovered by this one."""
        ...

    async def find_payments_claiming(self, checkout_id: str) -> Sequence[Payment]:
        """The payments whose success URL names this checkout."""
        ...
