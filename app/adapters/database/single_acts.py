"""Acts of one statement: the same on every database, but for its SQL and its way to run it."""

import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from app.adapters.database import sql
from app.adapters.database.rows import Row, row_to_checkout, row_to_claim, row_to_payment
from app.adapters.database.transaction import SqlTransaction
from app.adapters.database.writability import Writability
from app.usecases.records import Checkout, Claim, Payment

T = TypeVar("T")


class SingleActs(ABC):
    """What a database gives for free that can read rows and write."""

    def __init__(self) -> None:
        self._writability = Writability(self._try_to_write)

    @abstractmethod
    async def write(self, act: Callable[[SqlTransaction], Awaitable[T]]) -> T:
        """Run `act` in a transaction of its own."""

    @abstractmethod
    async def _read(self, text: str, **values: object) -> list[Row]:
        """The committed rows of one statement."""

    async def beat(self, at_ms: int) -> None:
        """Write and commit one small row, to know that a commit is possible.

        Raises:
            StorageUnavailableError: it is not.
        """

        async def write_heartbeat(transaction: SqlTransaction) -> None:
            await transaction.beat(at_ms)
            await transaction.commit()

        await self.write(write_heartbeat)

    async def require_writable(self) -> None:
        """Know from the latest writes, or else from a heartbeat, that a commit is possible.

        Raises:
            StorageUnavailableError: it is not.
        """
        await self._writability.require()

    async def find_checkout(self, checkout_id: str) -> Checkout | None:
        """The checkout of this id."""
        return _first(await self._read(sql.FIND_CHECKOUT, id=checkout_id), row_to_checkout)

    async def find_claim(self, key_digest: str) -> Claim | None:
        """Who holds this key."""
        return _first(await self._read(sql.FIND_CLAIM, key_digest=key_digest), row_to_claim)

    async def find_checkout_of_session(self, session_id: str) -> Checkout | None:
        """The checkout whose payment page was this session's."""
        rows = await self._read(sql.FIND_CHECKOUT_OF_SESSION, id=session_id)
        return _first(rows, row_to_checkout)

    async def find_payment(self, session_id: str) -> Payment | None:
        """The payment of this session."""
        return _first(await self._read(sql.FIND_PAYMENT, id=session_id), row_to_payment)

    async def find_recoveries(self, session_id: str) -> Sequence[Payment]:
        """The payment of this session, and of each session that recovered it, however often."""
        rows = await self._read(sql.FIND_RECOVERIES, id=session_id)
        return [row_to_payment(row) for row in rows]

    async def find_checkout_recovered(self, session_id: str) -> Checkout | None:
        """The checkout whose session expired, and was recovered by this one."""
        rows = await self._read(sql.FIND_CHECKOUT_RECOVERED, id=session_id)
        return _first(rows, row_to_checkout)

    async def find_payments_claiming(self, checkout_id: str) -> Sequence[Payment]:
        """The payments whose success URL names this checkout."""
        rows = await self._read(sql.FIND_PAYMENTS_CLAIMING, id=checkout_id)
        return [row_to_payment(row) for row in rows]

    async def _try_to_write(self) -> None:
        await self.beat(time.time_ns() // 1_000_000)


def _first(rows: Sequence[Row], read: Callable[[Row], T]) -> T | None:
    return read(rows[0]) if rows else None
