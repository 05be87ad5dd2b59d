"""Reads orders from checkouts, payments and events: the same on every database."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Protocol, TypeVar, cast

from app.adapters.database import order_lists_sql as lists
from app.adapters.database import orders_sql as sql
from app.adapters.database.rows import (
    Row,
    row_to_checkout,
    row_to_payment,
    row_to_renewal,
    row_to_stored_event,
)
from app.domain.fold.records import EventState, Link, Payment, Renewal, StoredEvent
from app.domain.payments.flags import Flag
from app.domain.payments.status import PaymentStatus
from app.usecases.orders import (
    BodySearch,
    FlagCause,
    KnownCause,
    OrderBook,
    OrderEvent,
    OrderPosition,
    OrderRange,
    Origin,
    Recovery,
    Twin,
)
from app.usecases.records import Checkout
from app.usecases.storage import Transaction

T = TypeVar("T")


class Asks(Protocol):
    """A transaction of any database."""

    async def ask(self, text: str, **values: object) -> Sequence[Row]:
        """Return the rows of one statement; a list is passed as an array."""
        ...

    async def change(self, text: str, **values: object) -> int:
        """Run one statement; return how many rows it changed."""
        ...


class KeepsOrders(ABC):
    """Implements `OrderStore` on any database."""

    @abstractmethod
    async def read(self, look: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run `look` over the committed rows of one moment."""

    @abstractmethod
    async def read_long(self, look: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run `look` as `read` does, and keep no short read or write waiting meanwhile."""

    async def read_orders(self, look: Callable[[OrderBook], Awaitable[T]]) -> T:
        """Run `look` over the committed rows of one moment.

        Raises:
            StorageUnavailableError: the database cannot be read.
        """
        return await self.read(_at_orders(look))

    async def list_orders(self, look: Callable[[OrderBook], Awaitable[T]]) -> T:
        """Run `look` as `read_orders` does, if it may read many rows.

        Raises:
            StorageUnavailableError: the database cannot be read, or other lists take too long.
        """
        return await self.read_long(_at_orders(look))


class SqlOrderBook:
    """Reads orders in one transaction."""

    def __init__(self, transaction: Asks) -> None:
        self._transaction = transaction

    async def checkouts_in(self, asked: OrderRange) -> Sequence[OrderPosition]:
        """Return matching checkouts in a part of the list, the latest first."""
        return await self._positions(lists.checkouts_in(asked))

    async def strangers_in(self, asked: OrderRange) -> Sequence[OrderPosition]:
        """Return matching sessions without a checkout in a part of the list."""
        return await self._positions(lists.strangers_in(asked))

    async def sessions_of_status(
        self, statuses: Collection[PaymentStatus], *, limit: int
    ) -> Sequence[str]:
        """Return some sessions whose payments have one of these statuses."""
        return await self._ids(sql.SESSIONS_OF_STATUS, statuses=sorted(statuses), limit=limit)

    async def flagged_sessions(self, *, after: str = "", limit: int) -> Sequence[str]:
        """Return the next sessions whose facts need attention, in order."""
        return await self._ids(sql.FLAGGED_SESSIONS, after=after, limit=limit)

    async def failed_events(self, *, limit: int) -> Sequence[StoredEvent]:
        """Return the latest events that were not fully folded."""
        return [
            row_to_stored_event(row)
            for row in await self._transaction.ask(sql.FAILED_EVENTS, limit=limit)
        ]

    async def paid_twice(self, *, limit: int) -> Sequence[str]:
        """Return some orders that were reported as paid twice."""
        return await self._ids(sql.PAID_TWICE, limit=limit)

    async def paid_twins(self, *, since_ms: int, limit: int) -> Sequence[str]:
        """Return some paid checkouts whose second payment is not reported."""
        return await self._ids(sql.PAID_TWINS, since_ms=since_ms, limit=limit)

    async def checkouts_with_twins(
        self, session_ids: Collection[str], checkout_ids: Collection[str]
    ) -> Sequence[str]:
        """Return these checkouts, and those of these sessions, that have a twin."""
        values = {"session_ids": list(session_ids), "checkout_ids": list(checkout_ids)}
        return await self._ids(sql.CHECKOUTS_WITH_TWINS, **values)

    async def links_of(self, object_ids: Collection[str]) -> Sequence[Link]:
        """Return the sessions that these objects belong to."""
        return [Link(**dict(row)) for row in await self._given(sql.LINKS_OF, object_ids)]

    async def checkouts(self, ids: Collection[str]) -> Sequence[Checkout]:
        """Return the checkouts with these ids."""
        return [row_to_checkout(row) for row in await self._given(sql.CHECKOUTS, ids)]

    async def checkouts_of_sessions(self, session_ids: Collection[str]) -> Sequence[Checkout]:
        """Return the checkouts of these sessions."""
        rows = await self._given(sql.CHECKOUTS_OF_SESSIONS, session_ids)
        return [row_to_checkout(row) for row in rows]

    async def origins(self, session_ids: Collection[str]) -> Sequence[Origin]:
        """Return each session's payment and those that it recovers, the nearest first."""
        return [Origin(**dict(row)) for row in await self._given(sql.ORIGINS, session_ids)]

    async def recoveries(self, session_ids: Collection[str]) -> Sequence[Recovery]:
        """Return the payments of these sessions, and of those that recovered them."""
        return [
            Recovery(row["root"], row_to_payment(row), row["created_at_ms"])
            for row in await self._given(sql.RECOVERIES, session_ids)
        ]

    async def claiming(self, checkout_ids: Collection[str]) -> Sequence[Payment]:
        """Return the payments whose success URL names one of these checkouts."""
        return [row_to_payment(row) for row in await self._given(sql.CLAIMING, checkout_ids)]

    async def renewals_of(self, session_ids: Collection[str]) -> Sequence[Renewal]:
        """Return every renewal of these sessions' subscriptions."""
        return [row_to_renewal(row) for row in await self._given(sql.RENEWALS_OF, session_ids)]

    async def events_of(self, session_ids: Collection[str]) -> Sequence[OrderEvent]:
        """Return the events that concern these sessions' payments, in the order of their ids."""
        return [_row_to_event(row) for row in await self._given(sql.EVENTS_OF, session_ids)]

    async def twins_of(self, checkout_ids: Collection[str]) -> Sequence[Twin]:
        """Return those of the oldest hundred twins of each checkout that may have been paid."""
        return [Twin(**dict(row)) for row in await self._given(sql.TWINS_OF, checkout_ids)]

    async def known_causes(self, order_ids: Collection[str]) -> Sequence[KnownCause]:
        """Return which flags of these orders were reported and seen."""
        return [
            KnownCause(
                cause=row_to_cause(row),
                is_reported=bool(row["is_reported"]),
                is_seen=bool(row["is_seen"]),
            )
            for row in await self._given(sql.KNOWN_CAUSES, order_ids)
        ]

    async def search_bodies(self, text: str, *, events_max: int, limit: int) -> BodySearch:
        """Search the latest `events_max` stored bodies for lower-case ASCII `text`, in any case."""
        ask = self._transaction.ask
        found = await ask(sql.BODIES_WITH, needle=text, events_max=events_max, limit=limit)
        (bounds,) = await ask(sql.BODIES_LOOKED_AT, events_max=events_max)
        events = [row_to_stored_event(row).event for row in found]
        return BodySearch(
            events=[event for event in events if event],
            looked_at=bounds["looked_at"],
            since_ms=bounds["since_ms"],
            is_complete=bounds["looked_at"] < events_max and len(found) < limit,
        )

    async def _positions(self, query: tuple[str, dict[str, object]]) -> list[OrderPosition]:
        text, values = query
        return [OrderPosition(**dict(row)) for row in await self._transaction.ask(text, **values)]

    async def _ids(self, text: str, **values: object) -> list[str]:
        """Return the column `id` of a statement's rows."""
        return [row["id"] for row in await self._transaction.ask(text, **values)]

    async def _given(self, text: str, ids: Collection[str]) -> Sequence[Row]:
        """Return the rows for some ids; without ids, no query is needed."""
        return await self._transaction.ask(text, ids=list(ids)) if ids else ()


def _at_orders(
    look: Callable[[OrderBook], Awaitable[T]],
) -> Callable[[Transaction], Awaitable[T]]:
    return lambda transaction: look(SqlOrderBook(cast("Asks", transaction)))


def _row_to_event(row: Row) -> OrderEvent:
    return OrderEvent(
        session_id=row["session_id"],
        id=row["id"],
        state=EventState(row["state"]),
        received_at_ms=row["received_at_ms"],
        is_own=bool(row["is_own"]),
        is_pruned=bool(row["is_pruned"]),
        state_changes=row["state_changes"],
        event=row_to_stored_event(row).event,
    )


def row_to_cause(row: Row) -> FlagCause:
    """Build a flag's cause from its columns."""
    return FlagCause(order_id=row["order_id"], flag=Flag(row["flag"]), cause=row["cause"])
