"""Follows events as they are recorded, each once, in the order of their arrival."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from app.domain.fold.asking import Wanted
from app.domain.fold.records import Payment
from app.usecases.event_book import EventBook, EventDatabase
from app.usecases.inspect_events import payments_concerned
from app.usecases.records import EventQuery, EventSummary
from app.usecases.storage import Transaction

PAGE: Final = 100
# An event is committed some time after it was received, because its batch waited for a lock or the
# disk, or another replica's clock is behind. An even later one is in the lists, but not seen here.
LATE_MS: Final = 15_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowedEvent:
    """An event, and the current state of the payments that it concerns."""

    event: EventSummary
    payments: tuple[Payment, ...]


@dataclass(slots=True, kw_only=True)
class FollowEvents:
    """Only reads; remembers what it has returned."""

    database: EventDatabase
    _newest_ms: int = 0
    _followed_ids: dict[str, int] = field(default_factory=dict)
    """Return the time range of events that might be read again."""

    async def begin(self, last: int) -> list[FollowedEvent]:
        """Return the latest events, the newest last; later ones are returned by `more`."""

        async def look(
            transaction: EventBook,
        ) -> tuple[Sequence[EventSummary], list[FollowedEvent]]:
            latest = await transaction.list_events(EventQuery(limit=max(last, 1)))
            known = list(latest)
            after = (latest[0].received_at_ms - LATE_MS, "") if latest else (0, "")
            while page := await transaction.events_after(*after, limit=PAGE):
                known += page
                after = (page[-1].received_at_ms, page[-1].id)
            return known, await _followed(transaction, latest[:last][::-1])

        known, followed = await self.database.read(look)
        self._remember(known)
        return followed

    async def news(self) -> list[FollowedEvent]:
        """Return some events recorded since, the oldest first.

        Raises:
            StorageUnavailableError: the database cannot be read; calling again loses nothing.
        """

        async def look(transaction: EventBook) -> list[FollowedEvent]:
            after = (self._newest_ms - LATE_MS, "")
            while page := await transaction.events_after(*after, limit=PAGE):
                new = [event for event in page if event.id not in self._followed_ids]
                if new:
                    return await _followed(transaction, new)
                after = (page[-1].received_at_ms, page[-1].id)
            return []

        followed = await self.database.read(look)
        self._remember([each.event for each in followed])
        return followed

    def _remember(self, events: Sequence[EventSummary]) -> None:
        self._followed_ids |= {event.id: event.received_at_ms for event in events}
        self._newest_ms = max([self._newest_ms, *self._followed_ids.values()])
        since_ms = self._newest_ms - LATE_MS
        self._followed_ids = {
            id_: at_ms for id_, at_ms in self._followed_ids.items() if at_ms >= since_ms
        }


async def _followed(
    transaction: Transaction, events: Sequence[EventSummary]
) -> list[FollowedEvent]:
    wanted = Wanted(events=[event.id for event in events])
    stored = (await transaction.look_around(wanted)).events
    payments = await payments_concerned(transaction, stored)
    return [FollowedEvent(event=event, payments=payments[event.id]) for event in events]
