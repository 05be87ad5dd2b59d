"""Kept events, and the sessions that they are about, as pages of a list: a port of its own."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from app.usecases.records import EventQuery, EventRow, EventState, EventSummary
from app.usecases.storage import Database, Transaction

T = TypeVar("T")


class EventBook(Transaction, Protocol):
    """One moment's events."""

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


class EventDatabase(Database, Protocol):
    """A database whose events can be listed."""

    async def read(self, look: Callable[[EventBook], Awaitable[T]]) -> T:
        """Run `look` over one moment's committed rows; it writes nothing.

        Raises:
            StorageUnavailableError: the database cannot be read.
        """
        ...
