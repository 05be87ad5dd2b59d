"""What an operator looks at: which events came, and what one of them did."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.domain.errors import NotFoundError
from app.domain.identity import CHECKOUT_ID
from app.usecases.read_payment import ReadPayment
from app.usecases.record_events import read_for_fold
from app.usecases.records import EventQuery, EventRow, EventSummary, Payment, StoredEvent
from app.usecases.storage import Database, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class EventInspection:
    """An event, by which ids it is found, and the payments that it concerns.

    Both are read out of its payload, so there are none once that is gone.
    """

    row: EventRow
    object_ids: tuple[str, ...]
    payments: tuple[Payment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectEvents:
    """Reads only."""

    database: Database

    async def list(self, wanted: EventQuery) -> Sequence[EventSummary]:
        """The latest events of a kind. `payment` may be a checkout id, too.

        Raises:
            NotFoundError: there is no such checkout.
        """
        if wanted.payment and CHECKOUT_ID.fullmatch(wanted.payment):
            view = await ReadPayment(database=self.database)(wanted.payment)
            wanted = replace(wanted, payment=view.session_id or wanted.payment)
        return await self.database.read(lambda transaction: transaction.list_events(wanted))

    async def show(self, event_id: str) -> EventInspection:
        """One event.

        Raises:
            NotFoundError: it is not kept.
        """

        async def look(transaction: Transaction) -> EventInspection | None:
            row = await transaction.find_event(event_id)
            if row is None:
                return None
            object_ids = _mentioned(await transaction.stored_events([event_id]))
            links = await transaction.links(object_ids)
            session_ids = {link.session_id for link in links} | set(object_ids)
            payments = await transaction.payments(session_ids)
            return EventInspection(
                row=row,
                object_ids=tuple(sorted(object_ids)),
                payments=tuple(payments[session_id] for session_id in sorted(payments)),
            )

        seen = await self.database.read(look)
        if seen is None:
            raise NotFoundError(f"There is no event {event_id}.")
        return seen


def _mentioned(stored: Sequence[StoredEvent]) -> set[str]:
    return {
        mention.object_id
        for each in stored
        if each.event
        for mention in read_for_fold(each.event).mentions
    }
