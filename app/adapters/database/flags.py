"""Causes of flags: reported, seen, to be reported again. The same on every database."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import asdict, astuple
from typing import Final, TypeVar, cast

from app.adapters.database.orders import Asks, row_to_cause
from app.adapters.database.rows import Row
from app.domain.fold.outcome import Outcome
from app.usecases.flag_memory import ReportedCause
from app.usecases.orders import FlagCause
from app.usecases.storage import Transaction

T = TypeVar("T")

SEE: Final = """
    INSERT INTO flag_causes (order_id, flag, cause, seen_at_ms)
    VALUES (:order_id, :flag, :cause, :at_ms)
    ON CONFLICT (order_id, flag, cause) DO UPDATE SET seen_at_ms = excluded.seen_at_ms
    WHERE flag_causes.seen_at_ms IS NULL
"""
# If several processes report the same cause at once, only one changes the row.
TELL: Final = """
    INSERT INTO flag_causes (order_id, flag, cause, told_at_ms, remind_at_ms)
    VALUES (:order_id, :flag, :cause, :told_at_ms, :remind_at_ms)
    ON CONFLICT (order_id, flag, cause) DO UPDATE
    SET told_at_ms = excluded.told_at_ms, remind_at_ms = excluded.remind_at_ms
    WHERE flag_causes.told_at_ms IS NULL
"""
DUE: Final = """
    SELECT order_id, flag, cause, told_at_ms, remind_at_ms FROM flag_causes
    WHERE remind_at_ms <= :now_ms ORDER BY remind_at_ms LIMIT :limit
"""
MOVE: Final = """
    UPDATE flag_causes SET remind_at_ms = :to_ms
    WHERE order_id = :order_id AND flag = :flag AND cause = :cause AND remind_at_ms = :from_ms
"""


class KeepsFlags(ABC):
    """Implements `FlagMemory` on any database."""

    @abstractmethod
    async def read(self, look: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run `look` over the committed rows of one moment."""

    @abstractmethod
    async def write(self, act: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run `act` in a transaction."""

    async def see_flags(self, seen: Collection[FlagCause], *, at_ms: int) -> None:
        """Store that an operator has seen these.

        Raises:
            StorageUnavailableError: it is not kept.
        """
        await self._change_each(SEE, [asdict(each) | {"at_ms": at_ms} for each in seen])

    async def report_flags(self, reported: Collection[ReportedCause]) -> Collection[FlagCause]:
        """Store that these are reported; return those that no process has reported before.

        The notifications of those are stored in the same transaction.

        Raises:
            StorageUnavailableError: none is kept.
        """
        in_order = sorted(reported, key=lambda each: astuple(each.cause))  # so do all replicas
        rows = [
            asdict(each.cause) | {"told_at_ms": each.told_at_ms, "remind_at_ms": each.remind_at_ms}
            for each in in_order
        ]

        async def tell(transaction: Transaction) -> list[ReportedCause]:
            changes = cast("Asks", transaction)
            new = [
                each
                for each, row in zip(in_order, rows, strict=True)
                if await changes.change(TELL, **row) == 1
            ]
            notifications = [each.notification for each in new if each.notification]
            await transaction.record((), Outcome(notifications=notifications))
            await transaction.commit()
            return new

        return [each.cause for each in await self.write(tell)]

    async def due_reminders(self, *, now_ms: int, limit: int) -> Sequence[ReportedCause]:
        """Return what is due to be reported again.

        Raises:
            StorageUnavailableError: the database cannot be read.
        """

        async def look(transaction: Transaction) -> Sequence[Row]:
            return await cast("Asks", transaction).ask(DUE, now_ms=now_ms, limit=limit)

        return [
            ReportedCause(
                cause=row_to_cause(row),
                told_at_ms=row["told_at_ms"],
                remind_at_ms=row["remind_at_ms"],
            )
            for row in await self.read(look)
        ]

    async def move_reminder(self, reported: ReportedCause, *, to_ms: int | None) -> bool:
        """Change the time of the reminder, or remove it; False if another process did so before.

        Raises:
            StorageUnavailableError: it stays as it is.
        """
        row = asdict(reported.cause) | {"from_ms": reported.remind_at_ms, "to_ms": to_ms}
        (is_moved,) = await self._change_each(MOVE, [row])
        return is_moved

    async def _change_each(self, text: str, rows: Sequence[dict[str, object]]) -> list[bool]:
        """Run a statement for each row, in one transaction; return which of them had an effect."""

        async def change(transaction: Transaction) -> list[bool]:
            changes = cast("Asks", transaction)
            changed = [await changes.change(text, **row) == 1 for row in rows]
            await transaction.commit()
            return changed

        return await self.write(change)
