"""Deletes a buyer's data: the bodies of an order's events. What was paid stays."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from app.domain.fold.records import EventState, StoredEvent
from app.domain.stripe_events.evidence import id_of
from app.usecases.load_orders import find_order, whole
from app.usecases.orders import OrderBook, OrderDatabase, OrderEvent
from app.usecases.ports import Clock

PAGE: Final = 200
_PROCESSED: Final = frozenset({EventState.RECORDED, EventState.FOLDED})


class EventBodies(OrderDatabase, Protocol):
    """The stored bodies of events."""

    async def bodies_of_no_order(self, *, after: str, limit: int) -> Sequence[StoredEvent]:
        """Return the next events that concern no order and have a body, in order of their ids.

        Raises:
            StorageUnavailableError: the database cannot be read.
        """
        ...

    async def delete_bodies(self, event_ids: Collection[str], *, now_ms: int) -> int:
        """Delete the bodies of these events; return how many there were.

        Raises:
            StorageUnavailableError: none was deleted.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """How many bodies were deleted, and which events still need theirs to be processed."""

    deleted: int
    kept_ids: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class EraseOrder:
    """Deletes the bodies of an order's events, and of those about its customer at Stripe.

    An event that was not processed keeps its body, because the order's status may depend on it.
    """

    database: EventBodies
    clock: Clock

    async def __call__(self, public_id: str) -> Erased:
        """Erase the order with this checkout id, or one of its sessions' ids. Can be repeated.

        Raises:
            NotFoundError: no checkout and no event has this id.
            StorageUnavailableError: not everything was deleted.
        """

        async def look(book: OrderBook) -> Sequence[OrderEvent]:
            (parts,) = await whole(book, [await find_order(book, public_id)])
            return parts.events

        events = [each for each in await self.database.read_orders(look) if not each.is_pruned]
        customer_ids = _customers(events)
        ids = await self._about(customer_ids) if customer_ids else []
        # The order's own come last: they name the customer, in case this has to be repeated.
        ids += [each.id for each in events if each.state in _PROCESSED]
        deleted = 0
        for start in range(0, len(ids), PAGE):
            page = ids[start : start + PAGE]
            deleted += await self.database.delete_bodies(page, now_ms=self.clock.now_ms())
        kept = sorted({each.id for each in events if each.state not in _PROCESSED})
        return Erased(deleted=deleted, kept_ids=kept)

    async def _about(self, customer_ids: Collection[str]) -> list[str]:
        """Return the events of no order that are about one of these customers."""
        found, after = list[str](), ""
        while page := await self.database.bodies_of_no_order(after=after, limit=PAGE):
            found += [each.id for each in page if _customer(each) in customer_ids]
            after = page[-1].id
        return found


def _customers(events: Collection[OrderEvent]) -> set[str]:
    """Return the customers that an order's sessions name."""
    named = [id_of(each.event.subject.get("customer")) for each in events if each.event]
    return {each for each in named if each}


def _customer(stored: StoredEvent) -> str | None:
    """Return the customer that an event is about, or whose object it is about."""
    if stored.event is None:
        return None
    subject = stored.event.subject
    is_customer = subject.get("object") == "customer"
    return id_of(subject.get("id" if is_customer else "customer"))
