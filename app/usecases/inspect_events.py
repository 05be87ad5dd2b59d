"""Lists events for an operator, and shows one with its payments."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from app.domain.errors import NotFoundError
from app.domain.fold.asking import Wanted
from app.domain.fold.readings import read_for_fold
from app.domain.fold.records import Payment, StoredEvent
from app.domain.ids import CHECKOUT_ID
from app.usecases.event_book import EventBook, EventDatabase
from app.usecases.payment_lookup import PaymentDatabase
from app.usecases.read_payment import ReadPayment
from app.usecases.rebuild_payments import whole_payment
from app.usecases.records import EventQuery, EventRow, EventSummary
from app.usecases.storage import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class EventInspection:
    """An event, the ids by which it is found, and the payments that it concerns.

    Both are read from its payload, so they are empty after the payload is deleted.
    """

    row: EventRow
    object_ids: tuple[str, ...]
    payments: tuple[Payment, ...]


class InspectedDatabase(EventDatabase, PaymentDatabase, Protocol):
    """A database whose events are found by their payments, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectEvents:
    """Only reads."""

    database: InspectedDatabase

    async def list(self, wanted: EventQuery) -> Sequence[EventSummary]:
        """Return the latest matching events. `payment` may also be a checkout id.

        Raises:
            NotFoundError: there is no such checkout.
        """
        if wanted.payment and CHECKOUT_ID.fullmatch(wanted.payment):
            view = await ReadPayment(database=self.database)(wanted.payment)
            wanted = replace(wanted, payment=view.session_id or wanted.payment)
        return await self.database.read(lambda transaction: transaction.list_events(wanted))

    async def show(self, event_id: str) -> EventInspection:
        """Return one event.

        Raises:
            NotFoundError: it is not stored.
        """

        async def look(transaction: EventBook) -> EventInspection | None:
            row = await transaction.find_event(event_id)
            if row is None:
                return None
            stored = (await transaction.look_around(Wanted(events=[event_id]))).events
            concerned = (await payments_concerned(transaction, stored))[event_id]
            payments = [await whole_payment(transaction, each.session_id) for each in concerned]
            return EventInspection(
                row=row,
                object_ids=tuple(sorted(_mentioned(stored))),
                payments=tuple(payment for payment in payments if payment),
            )

        seen = await self.database.read(look)
        if seen is None:
            raise NotFoundError(f"There is no event {event_id}.")
        return seen


async def payments_concerned(
    transaction: Transaction, stored: Sequence[StoredEvent]
) -> dict[str, tuple[Payment, ...]]:
    """Return the payments that each of these events concerns, by the event's id."""
    object_ids = _mentioned(stored)
    session_ids = {object_id: {object_id} for object_id in object_ids}
    found = await transaction.look_around(Wanted(around=object_ids))
    for link in found.links:
        session_ids[link.object_id].add(link.session_id)
    return {
        each.id: tuple(
            found.payments[session_id]
            for session_id in sorted(
                set().union(*(session_ids[object_id] for object_id in _mentioned([each])))
            )
            if session_id in found.payments
        )
        for each in stored
    }


def _mentioned(stored: Sequence[StoredEvent]) -> set[str]:
    return {
        mention.object_id
        for each in stored
        if each.event
        for mention in read_for_fold(each.event).mentions
    }
