"""Operations of one statement, the same on every database except for how it is run."""

import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from app.adapters.database import sql
from app.adapters.database.rows import Row, row_to_checkout, row_to_claim, row_to_payment
from app.adapters.database.transaction import SqlTransaction
from app.adapters.database.writability import Writability
from app.domain.fold.records import Payment
from app.usecases.records import Checkout, Claim

T = TypeVar("T")


class SingleActs(ABC):
    """Implements single-statement operations for a database that can read and write."""

    def __init__(self) -> None:
        self._writability = Writability(self._try_to_write)

    @abstractmethod
    async def write(self, act: Callable[[SqlTransaction], Awaitable[T]]) -> T:
        """Run `act` in a transaction."""

    @abstractmethod
    async def _read(self, text: str, **values: object) -> list[Row]:
        """Return the committed rows of one statement."""

    async def write_heartbeat(self, at_ms: int) -> None:
        """Write and commit one small row, to know that a commit is possible.

        Raises:
            StorageUnavailableError: it is not possible.
        """

        async def write_heartbeat(transaction: SqlTransaction) -> None:
            await transaction.write_heartbeat(at_ms)
            await transaction.commit()

        await self.write(write_heartbeat)

    async def require_writable(self) -> None:
        """Check from the latest writes, or by a heartbeat, that a commit is possible.

        Raises:
            StorageUnavailableError: it is not possible.
        """
        await self._writability.require()

    async def find_checkout(self, checkout_id: str) -> Checkout | None:
        """Return the checkout with this id."""
        return _first(await self._read(sql.FIND_CHECKOUT, id=checkout_id), row_to_checkout)

    async def find_claim(self, key_digest: str) -> Claim | None:
        """Return who holds this key."""
        return _first(await self._read(sql.FIND_CLAIM, key_digest=key_digest), row_to_claim)

    async def find_checkout_of_session(self, session_id: str) -> Checkout | None:
        """Return the checkout of this session."""
        rows = await self._read(sql.FIND_CHECKOUT_OF_SESSION, id=session_id)
        return _first(rows, row_to_checkout)

    async def find_payment(self, session_id: str) -> Payment | None:
        """Return the payment of this session."""
        return _first(await self._read(sql.FIND_PAYMENT, id=session_id), row_to_payment)

    async def find_recoveries(self, session_id: str) -> Sequence[Payment]:
        """Return the payment of this session, and those of sessions that recovered it."""
        rows = await self._read(sql.FIND_RECOVERIES, id=session_id)
        return [row_to_payment(row) for row in rows]

    async def find_checkout_recovered(self, session_id: str) -> Checkout | None:
        """Return the checkout whose expired session this one recovered."""
        rows = await self._read(sql.FIND_CHECKOUT_RECOVERED, id=session_id)
        return _first(rows, row_to_checkout)

    async def find_payments_claiming(self, checkout_id: str) -> Sequence[Payment]:
        """Return the payments whose success URL names this checkout."""
        rows = await self._read(sql.FIND_PAYMENTS_CLAIMING, id=checkout_id)
        return [row_to_payment(row) for row in rows]

    async def _try_to_write(self) -> None:
        await self.write_heartbeat(time.time_ns() // 1_000_000)


def _first(rows: Sequence[Row], read: Callable[[Row], T]) -> T | None:
    return read(rows[0]) if rows else None
