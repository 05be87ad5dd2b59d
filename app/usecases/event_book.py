"""The port for listing stored events and their sessions."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from app.domain.fold.records import EventState
from app.usecases.records import EventQuery, EventRow, EventSummary
from app.usecases.storage import Database, Transaction

T = TypeVar("T")


class EventBook(Transaction, Protocol):
    """Events at one moment."""

    async def list_events(self, wanted: EventQuery) -> Sequence[EventSummary]:
        """Return the latest matching events."""
        ...

    async def events_after(
        self, received_at_ms: int, event_id: str, *, limit: int
    ) -> Sequence[EventSummary]:
        """Return the next events in order of receipt, ties by id."""
        ...

    async def find_event(self, event_id: str) -> EventRow | None:
        """Return one event, with its payload."""
        ...

    async def event_ids(self, state: EventState | None, *, after: str, limit: int) -> Sequence[str]:
        """Return a page of ids, in order: those of one state, or all."""
        ...

    async def session_ids(self, *, after: str, limit: int) -> Sequence[str]:
        """Return a page of sessions with a payment or an event of their own, in order."""
        ...


class EventDatabase(Database, Protocol):
    """A database whose events can be listed."""

    async def read(self, look: Callable[[EventBook], Awaitable[T]]) -> T:
        """Run `look` over the committed rows of one moment; it must not write.

        Raises:
            StorageUnavailableError: the database cannot be read.
        """
        ...
