"""How far the orders table has come: one row, the same on every database."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Final, TypeVar, cast

from app.adapters.database.rows import Row
from app.usecases.orders_table import RefusedOrder, TableState
from app.usecases.outbox import Position
from app.usecases.storage import Transaction

if TYPE_CHECKING:
    from app.adapters.database.orders import Asks

T = TypeVar("T")

_FIND: Final = """
    SELECT tx, seq, holder, until_ms, failures, failing_since_ms, problem,
        (SELECT count(*) FROM orders_table_refused) AS refused,
        (SELECT min(due_at_ms) FROM orders_table_refused) AS retry_at_ms
    FROM orders_table_progress
"""
_SET_ASIDE: Final = """
    INSERT INTO orders_table_refused (order_id, session_id, since_ms, due_at_ms, problem)
    VALUES (:order_id, :session_id, :now_ms, :due_ms, :problem)
    ON CONFLICT (order_id) DO UPDATE
    SET session_id = excluded.session_id, due_at_ms = excluded.due_at_ms,
        problem = excluded.problem
"""
_REFUSED: Final = """
    SELECT order_id, session_id, problem FROM orders_table_refused
    WHERE due_at_ms <= :now_ms ORDER BY due_at_ms, order_id LIMIT :limit
"""
_FORGET_REFUSED: Final = "DELETE FROM orders_table_refused WHERE order_id = ANY(:ids::text[])"
_BEGIN: Final = """
    INSERT INTO orders_table_progress (id, tx, seq, holder, until_ms)
    VALUES (1, :tx, :seq, '', 0) ON CONFLICT (id) DO NOTHING
"""
_LEAD: Final = """
    UPDATE orders_table_progress SET holder = :holder, until_ms = :until_ms
    WHERE until_ms <= :now_ms AND tx = :tx AND seq = :seq
"""
_KEEP_LEAD: Final = """
    UPDATE orders_table_progress SET until_ms = :until_ms WHERE holder = :holder
"""
_KEEP: Final = """
    UPDATE orders_table_progress SET tx = :tx, seq = :seq, until_ms = :until_ms,
        failures = :failures, failing_since_ms = :failing_since_ms, problem = :problem
    WHERE holder = :holder
"""
_LEAVE: Final = "UPDATE orders_table_progress SET until_ms = 0 WHERE holder = :holder"


class KeepsTable(ABC):
    """What a database gives to those who keep the orders table."""

    @abstractmethod
    async def _read(self, text: str, **values: object) -> Sequence[Row]:
        """The committed rows of one statement."""

    @abstractmethod
    async def write(self, act: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run `act` in a transaction of its own."""

    async def begin_table(self, position: Position) -> None:
        """See `TableStore.begin_table`."""
        await self._move(_BEGIN, tx=position.tx, seq=position.seq)

    async def table_state(self) -> TableState | None:
        """See `TableStore.table_state`."""
        for row in await self._read(_FIND):
            return TableState(
                position=Position(row["tx"], row["seq"]),
                holder=row["holder"],
                until_ms=row["until_ms"],
                failures=row["failures"],
                failing_since_ms=row["failing_since_ms"],
                problem=row["problem"],
                refused=row["refused"],
                retry_at_ms=row["retry_at_ms"],
            )
        return None

    async def lead_table(
        self, holder: str, position: Position, *, now_ms: int, until_ms: int
    ) -> bool:
        """See `TableStore.lead_table`."""
        values = {"holder": holder, "now_ms": now_ms, "until_ms": until_ms}
        return bool(await self._move(_LEAD, tx=position.tx, seq=position.seq, **values))

    async def keep_lead(self, holder: str, *, until_ms: int) -> bool:
        """See `TableStore.keep_lead`."""
        return bool(await self._move(_KEEP_LEAD, holder=holder, until_ms=until_ms))

    async def keep_table(self, state: TableState) -> None:
        """See `TableStore.keep_table`."""
        await self._move(
            _KEEP,
            tx=state.position.tx,
            seq=state.position.seq,
            holder=state.holder,
            until_ms=state.until_ms,
            failures=state.failures,
            failing_since_ms=state.failing_since_ms,
            problem=state.problem,
        )

    async def set_aside(self, refused: Sequence[RefusedOrder], *, now_ms: int, due_ms: int) -> None:
        """See `TableStore.set_aside`."""
        for each in refused:
            await self._move(_SET_ASIDE, now_ms=now_ms, due_ms=due_ms, **asdict(each))

    async def refused_orders(self, *, now_ms: int, limit: int) -> Sequence[RefusedOrder]:
        """See `TableStore.refused_orders`."""
        rows = await self._read(_REFUSED, now_ms=now_ms, limit=limit)
        return [RefusedOrder(**dict(row)) for row in rows]

    async def forget_refused(self, order_ids: Sequence[str]) -> None:
        """See `TableStore.forget_refused`."""
        await self._move(_FORGET_REFUSED, ids=list(order_ids))

    async def leave_table(self, holder: str) -> None:
        """See `TableStore.leave_table`."""
        await self._move(_LEAVE, holder=holder)

    async def _move(self, text: str, **values: object) -> int:
        async def change(transaction: Transaction) -> int:
            changed = await cast("Asks", transaction).change(text, **values)
            await transaction.commit()
            return changed

        return await self.write(change)
