"""Reminds the owner of a dispute once half of the time to answer it has passed."""

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Final

from app.domain.errors import StorageUnavailableError
from app.domain.ids import CHECKOUT_ID
from app.usecases.flag_memory import FlagMemory, ReportedCause
from app.usecases.flag_texts import reminder_text
from app.usecases.load_orders import load_orders, whole
from app.usecases.order_document import Order, order_of
from app.usecases.orders import OrderBook
from app.usecases.ports import Alarm, AlertName, Clock
from app.usecases.report_flags import half_way_ms

EVERY_S: Final = 60.0
REMINDERS: Final = 100  # in one round; the rest follows in the next


@dataclass(frozen=True, slots=True, kw_only=True)
class RemindDisputes:
    """Reminds of each dispute once, in any process, also after restarts.

    Not of answered or decided ones. Also if an operator has seen the flag.
    """

    memory: FlagMemory
    clock: Clock
    alarm: Alarm
    every_s: float = EVERY_S

    async def run(self) -> None:
        """Check once a minute until canceled."""
        while True:
            with contextlib.suppress(StorageUnavailableError):  # already reported
                await self()
            await asyncio.sleep(self.every_s)

    async def __call__(self) -> None:
        """Send due reminders.

        Raises:
            StorageUnavailableError: the rest is due again.
        """
        now_ms = self.clock.now_ms()
        due = await self.memory.due_reminders(now_ms=now_ms, limit=REMINDERS)
        if not due:
            return
        orders = await self._orders({reported.cause.order_id for reported in due})
        for reported in due:
            order = orders.get(reported.cause.order_id)
            at_ms = _remind_at_ms(reported, order)
            is_late = at_ms is not None and at_ms <= now_ms
            is_ours = await self.memory.move_reminder(reported, to_ms=None if is_late else at_ms)
            if is_ours and is_late and order:
                self.alarm(AlertName.ORDER_FLAGGED, reminder_text(order, reported.cause.cause))

    async def _orders(self, ids: set[str]) -> dict[str, Order]:
        checkout_ids = {id_ for id_ in ids if CHECKOUT_ID.fullmatch(id_)}

        async def look(book: OrderBook) -> dict[str, Order]:
            parts = await whole(book, await load_orders(book, ids - checkout_ids, checkout_ids))
            return {each.position.order_id: order_of(each) for each in parts}

        return await self.memory.read_orders(look)


def _remind_at_ms(reported: ReportedCause, order: Order | None) -> int | None:
    """Return when half of the time passes; None if there is nothing left to answer."""
    due_s = order.deadlines_s.get(reported.cause.cause) if order else None
    return None if due_s is None else half_way_ms(reported.told_at_ms, due_s)
