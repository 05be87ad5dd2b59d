"""Orders, read from the tables of checkouts, payments and events: the same on every database."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Protocol, TypeVar, cast

from app.adapters.database import orders_sql as sql
from app.adapters.database.rows import (
    Row,
    row_to_checkout,
    row_to_payment,
    row_to_renewal,
    row_to_stored_event,
)
from app.domain.payments.facts import PaymentStatus
from app.domain.payments.flags import Flag
from app.usecases.orders import (
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
from app.usecases.records import Checkout, EventState, Link, Payment, Renewal, StoredEvent
from app.usecases.storage import Transaction

T = TypeVar("T")


class Asks(Protocol):
    """What every database's transaction can do."""

    async def ask(self, text: str, **values: object) -> Sequence[Row]:
        """The rows of one statement; a value that is a list stands for an array."""
        ...

    async def change(self, text: str, **values: object) -> int:
        """Run one statement; how many rows it changed."""
        ...


class KeepsOrders(ABC):
    """What a database gives to those who read orders."""

    @abstractmethod
    async def read(self, look: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run `look` over one moment's committed rows."""

    async def read_orders(self, look: Callable[[OrderBook], Awaitable[T]]) -> T:
        """Run `look` over one moment's committed rows.

        Raises:
            StorageUnavailableError: the database cannot be read.
        """

        async def look_at(transaction: Transaction) -> T:
            return await look(SqlOrderBook(cast("Asks", transaction)))

        return await self.read(look_at)


class SqlOrderBook:
    """The order book of one transaction."""

    def __init__(self, transaction: Asks) -> None:
        self._transaction = transaction

    async def checkouts_in(self, asked: OrderRange) -> Sequence[OrderPosition]:
        """The checkouts of a part of the list that may fit, latest first."""
        return await self._positions(sql.checkouts_in(asked))

    async def strangers_in(self, asked: OrderRange) -> Sequence[OrderPosition]:
        """The sessions of a part of the list that are no checkout's own, and may fit."""
        return await self._positions(sql.strangers_in(asked))

    async def sessions_of_status(
        self, statuses: Collection[PaymentStatus], *, limit: int
    ) -> Sequence[str]:
        """Some sessions whose payments have one of these statuses."""
        return await self._ids(sql.SESSIONS_OF_STATUS, statuses=sorted(statuses), limit=limit)

    async def flagged_sessions(self, *, after: str = "", limit: int) -> Sequence[str]:
        """The next sessions whose own facts ask for somebody to look, in their order."""
        return await self._ids(sql.FLAGGED_SESSIONS, after=after, limit=limit)

    async def failed_events(self, *, limit: int) -> Sequence[StoredEvent]:
        """The latest events that could not be folded whole."""
        return [
            row_to_stored_event(row)
            for row in await self._transaction.ask(sql.FAILED_EVENTS, limit=limit)
        ]

    async def twin_checkouts(self, *, limit: int) -> Sequence[str]:
        """Some checkouts that share their order number, cart and day with another one."""
        return await self._ids(sql.TWIN_CHECKOUTS, limit=limit)

    async def checkouts_with_twins(
        self, session_ids: Collection[str], checkout_ids: Collection[str]
    ) -> Sequence[str]:
        """Those of these sessions' checkouts, and of these checkouts, that have a twin."""
        values = {"session_ids": list(session_ids), "checkout_ids": list(checkout_ids)}
        return await self._ids(sql.CHECKOUTS_WITH_TWINS, **values)

    async def links_of(self, object_ids: Collection[str]) -> Sequence[Link]:
        """To which sessions these objects belong."""
        return [Link(**dict(row)) for row in await self._given(sql.LINKS_OF, object_ids)]

    async def checkouts(self, ids: Collection[str]) -> Sequence[Checkout]:
        """The checkouts of these ids."""
        return [row_to_checkout(row) for row in await self._given(sql.CHECKOUTS, ids)]

    async def checkouts_of_sessions(self, session_ids: Collection[str]) -> Sequence[Checkout]:
        """The checkouts whose own sessions these are."""
        rows = await self._given(sql.CHECKOUTS_OF_SESSIONS, session_ids)
        return [row_to_checkout(row) for row in rows]

    async def origins(self, session_ids: Collection[str]) -> Sequence[Origin]:
        """Each session's own payment, and those that it recovers, nearest first."""
        return [Origin(**dict(row)) for row in await self._given(sql.ORIGINS, session_ids)]

    async def recoveries(self, session_ids: Collection[str]) -> Sequence[Recovery]:
        """The payments of these sessions, and of each that recovered one; each with the first."""
        return [
            Recovery(row["root"], row_to_payment(row), row["created_at_ms"])
            for row in await self._given(sql.RECOVERIES, session_ids)
        ]

    async def claiming(self, checkout_ids: Collection[str]) -> Sequence[Payment]:
        """The payments whose success URL names one of these checkouts."""
        return [row_to_payment(row) for row in await self._given(sql.CLAIMING, checkout_ids)]

    async def renewals_of(self, session_ids: Collection[str]) -> Sequence[Renewal]:
        """Every renewal of these sessions' subscriptions."""
        return [row_to_renewal(row) for row in await self._given(sql.RENEWALS_OF, session_ids)]

    async def events_of(self, session_ids: Collection[str]) -> Sequence[OrderEvent]:
        """The events that concern these sessions' payments, in the order of their ids."""
        return [_row_to_event(row) for row in await self._given(sql.EVENTS_OF, session_ids)]

    async def twins_of(self, checkout_ids: Collection[str]) -> Sequence[Twin]:
        """The twins of these checkouts, the oldest hundred of each."""
        return [Twin(**dict(row)) for row in await self._given(sql.TWINS_OF, checkout_ids)]

    async def known_causes(self, order_ids: Collection[str]) -> Sequence[KnownCause]:
        """What was told and seen of these orders' flags."""
        return [
            KnownCause(
                cause=row_to_cause(row),
                is_told=bool(row["is_told"]),
                is_seen=bool(row["is_seen"]),
            )
            for row in await self._given(sql.KNOWN_CAUSES, order_ids)
        ]

    async def _positions(self, query: tuple[str, dict[str, object]]) -> list[OrderPosition]:
        text, values = query
        return [OrderPosition(**dict(row)) for row in await self._transaction.ask(text, **values)]

    async def _ids(self, text: str, **values: object) -> list[str]:
        """The ids of one statement, which names them `id`."""
        return [row["id"] for row in await self._transaction.ask(text, **values)]

    async def _given(self, text: str, ids: Collection[str]) -> Sequence[Row]:
        """The rows of a query about some ids; about none there is nothing to ask."""
        return await self._transaction.ask(text, ids=list(ids)) if ids else ()


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
    """A flag's cause, from the columns that name it."""
    return FlagCause(order_id=row["order_id"], flag=Flag(row["flag"]), cause=row["cause"])
