"""The orders table: one row an order in the shop's own database, and how far it has come."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from app.domain.notifications.tries import Answer
from app.usecases.notification_feed import FeedSource
from app.usecases.order_document import Document
from app.usecases.outbox import Position


@dataclass(frozen=True, slots=True, kw_only=True)
class TableState:
    """What all replicas know of the table.

    It has everything of the feed up to `position`. Nobody but `holder` may send before `until_ms`.
    `failures` counts failed tries in a row, `failing_since_ms` is when the first of them was, and
    `problem` says what the table did at the last one.
    """

    position: Position
    holder: str = ""
    until_ms: int = 0
    failures: int = 0
    failing_since_ms: int | None = None
    problem: str | None = None


class TableStore(FeedSource, Protocol):
    """Keeps the state of the table. Each method raises `StorageUnavailableError`."""

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

    async def keep_table(self, state: TableState) -> None:
        """Keep the state, if its holder has not been replaced meanwhile."""
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
