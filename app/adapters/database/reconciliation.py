"""The state between checks of Stripe: one row, the same on every database."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, TypeVar, cast

from app.adapters.database import reconciliation_sql as sql
from app.adapters.database.rows import Row, row_to_stored_event
from app.domain.payments.status import PaymentStatus
from app.domain.stripe_events.account import NEVER_MADE
from app.domain.stripe_events.read_back import LINE_ITEMS
from app.usecases.reconciliation import (
    ReceivedNotice,
    ReconciliationState,
    SessionLeft,
    StripeObject,
)
from app.usecases.storage import Transaction

if TYPE_CHECKING:
    from app.adapters.database.orders import Asks

T = TypeVar("T")


class KeepsReconciliation(ABC):
    """Implements `ReconciliationStore` on any database."""

    @abstractmethod
    async def _read(self, text: str, **values: object) -> Sequence[Row]:
        """Return the committed rows of one statement."""

    @abstractmethod
    async def write(self, act: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run `act` in a transaction."""

    async def reconciliation_state(self) -> ReconciliationState:
        """See `ReconciliationStore.reconciliation_state`."""
        rows = await self._read(sql.FIND)
        return (
            ReconciliationState(**{name: rows[0][name] for name in sql.STATE})
            if rows
            else ReconciliationState()
        )

    async def lead_reconciliation(
        self, holder: str, *, now_ms: int, until_ms: int, latest_ms: int
    ) -> bool:
        """See `ReconciliationStore.lead_reconciliation`."""
        times = {"now_ms": now_ms, "until_ms": until_ms, "latest_ms": latest_ms}
        return bool(await self._change(sql.LEAD, holder=holder, **times))

    async def keep_reconciliation(
        self, holder: str, state: ReconciliationState, *, until_ms: int
    ) -> None:
        """See `ReconciliationStore.keep_reconciliation`."""
        await self._change(sql.KEEP, holder=holder, until_ms=until_ms, **asdict(state))

    async def sessions_left(
        self, *, after_ms: int, until_ms: int, statuses: Collection[PaymentStatus], limit: int
    ) -> Sequence[SessionLeft]:
        """See `ReconciliationStore.sessions_left`."""
        rows = await self._read(
            sql.SESSIONS_LEFT,
            after_ms=after_ms,
            until_ms=until_ms,
            statuses=sorted(statuses),
            limit=limit,
        )
        return [SessionLeft(row["session_id"], row["created_at_ms"]) for row in rows]

    async def without_line_items(
        self, *, after_ms: int, even_missing: bool, limit: int
    ) -> Sequence[str]:
        """See `ReconciliationStore.without_line_items`."""
        statement, values = sql.WITHOUT_LINE_ITEMS, {"type": LINE_ITEMS}
        if even_missing:
            statement = sql.WITHOUT_LINE_ITEMS_OR_MISSING
            values = {"missing": sql.ITEMS_MISSING, "found": sql.ITEMS_FOUND}
        rows = await self._read(statement, after_ms=after_ms, limit=limit, **values)
        return [row["session_id"] for row in rows]

    async def notices(self, *, after_ms: int, limit: int) -> Sequence[ReceivedNotice]:
        """See `ReconciliationStore.notices`."""
        rows = await self._read(sql.NOTICES, after_ms=after_ms, type=NEVER_MADE, limit=limit)
        stored = [(row_to_stored_event(row).event, row["received_at_ms"]) for row in rows]
        return [ReceivedNotice(event, at_ms) for event, at_ms in stored if event]

    async def put_off_read(
        self, object_type: str, object_id: str, *, now_ms: int, due_ms: int
    ) -> int:
        """See `ReconciliationStore.put_off_read`."""

        async def put_off(transaction: Transaction) -> int:
            asks = cast("Asks", transaction)
            values = {"type": object_type, "id": object_id, "now_ms": now_ms, "due_ms": due_ms}
            await asks.change(sql.PUT_OFF, **values)
            rows = await asks.ask(sql.FAILS_SINCE, type=object_type, id=object_id)
            await transaction.commit()
            return int(rows[0]["since_ms"])

        return await self.write(put_off)

    async def failed_reads(self, *, due_by_ms: int, limit: int) -> Sequence[StripeObject]:
        """See `ReconciliationStore.failed_reads`."""
        rows = await self._read(sql.FAILED, due_by_ms=due_by_ms, limit=limit)
        return [StripeObject(row["object_type"], row["object_id"]) for row in rows]

    async def forget_failed_read(self, read: StripeObject) -> None:
        """See `ReconciliationStore.forget_failed_read`."""
        await self._change(sql.FORGET_FAILED, type=read.object_type, id=read.object_id)

    async def leave_reconciliation(self, holder: str) -> None:
        """See `ReconciliationStore.leave_reconciliation`."""
        await self._change(sql.LEAVE, holder=holder)

    async def _change(self, text: str, **values: object) -> int:
        async def change(transaction: Transaction) -> int:
            changed = await cast("Asks", transaction).change(text, **values)
            await transaction.commit()
            return changed

        return await self.write(change)
