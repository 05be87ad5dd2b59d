"""The orders table: one row an order in the shop's own database, and how far it has come."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Final, Protocol

from app.domain.notifications.tries import Answer
from app.usecases.notification_feed import FeedPage, FeedSource
from app.usecases.order_document import Document
from app.usecases.outbox import Position

# What PostgREST answers because of a row, if the table has all columns: its size, its values, or a
# rule of the owner's.
ABOUT_A_ROW: Final = {
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.CONFLICT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
}


class TableResult(StrEnum):
    """What became of rows. `refused`: the table accepts others; `failed`: it accepts none."""

    TAKEN = "taken"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableState:
    """What all replicas know of the table.

    It has everything of the feed up to `position`. Nobody but `holder` may send before `until_ms`.
    `failures` counts failed tries in a row, `failing_since_ms` is when the first of them was, and
    `problem` says what the table did at the last one. `refused` counts the orders that are set
    aside, and `retry_at_ms` is when the next of them is tried again.
    """

    position: Position
    holder: str = ""
    until_ms: int = 0
    failures: int = 0
    failing_since_ms: int | None = None
    problem: str | None = None
    refused: int = 0
    retry_at_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedOrder:
    """An order whose row the table refuses, while it accepts others; and what it did."""

    order_id: str
    session_id: str
    problem: str


class TableStore(FeedSource, Protocol):
    """Keeps the state of the table. Each method raises `StorageUnavailableError`."""

    async def table_page(self, after: Position | None, *, limit: int) -> FeedPage | None:
        """The next changes: those of the feed, and those that it does not show. See `feed_page`."""
        ...

    async def begin_table(self, position: Position) -> None:
        """Let the table follow the feed from there, unless it does already."""
        ...

    async def table_state(self) -> TableState | None:
        """The state; None before the beginning."""
        ...

    async def lead_table(
        self, holder: str, position: Position, *, now_ms: int, until_ms: int
    ) -> bool:
        """Let `holder` alone send until then.

        False before its time, or where the table is no longer at this position.
        """
        ...

    async def keep_lead(self, holder: str, *, until_ms: int) -> bool:
        """Let `holder` send until then; False if another has taken the lead."""
        ...

    async def keep_table(self, state: TableState) -> None:
        """Keep the state, if its holder has not been replaced meanwhile."""
        ...

    async def set_aside(self, refused: Sequence[RefusedOrder], *, now_ms: int, due_ms: int) -> None:
        """Keep these orders apart, to be tried again at `due_ms`."""
        ...

    async def refused_orders(self, *, now_ms: int, limit: int) -> Sequence[RefusedOrder]:
        """Return orders that are set aside and due, the longest due first."""
        ...

    async def forget_refused(self, order_ids: Sequence[str]) -> None:
        """These are set aside no longer."""
        ...

    async def leave_table(self, holder: str) -> None:
        """Let others send at once."""
        ...


class OrdersTable(Protocol):
    """Where the rows go."""

    async def upsert(self, orders: Sequence[Document]) -> Answer:
        """Insert or update a row for each order, in one transaction.

        The table keeps a row whose version is higher. Bounded in time; never raises.
        """
        ...

    async def fits(self) -> bool:
        """Whether the table exists and has our columns, so that a refusal is about a row."""
        ...


class TableReport(Protocol):
    """Hears of each upsert. Never fails, never waits."""

    def rows(self, result: TableResult, count: int) -> None:
        """Count the rows of an upsert."""
        ...

    def set_aside(self, count: int) -> None:
        """Show how many orders are set aside."""
        ...
