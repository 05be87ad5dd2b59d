"""Marks an order's flag as seen, until it has a new cause."""

from dataclasses import dataclass

from app.domain.errors import NotFoundError
from app.usecases.flag_memory import FlagMemory
from app.usecases.order_document import Order
from app.usecases.orders import FlagCause
from app.usecases.ports import Clock
from app.usecases.read_orders import ReadOrders


@dataclass(frozen=True, slots=True, kw_only=True)
class SeeFlag:
    """Marks a flag as seen, with its current causes. Repeating it changes nothing."""

    memory: FlagMemory
    read_orders: ReadOrders
    clock: Clock

    async def __call__(self, public_id: str, flag: str) -> Order:
        """Return the order after its flag was marked.

        Raises:
            NotFoundError: there is no such order, or it does not have this flag.
            StorageUnavailableError: it was not stored.
        """
        order = await self.read_orders.one(public_id)
        seen = [
            FlagCause(order_id=order.position.order_id, flag=found, cause=cause)
            for found, causes in order.flags.items()
            if found == flag
            for cause in sorted(causes)
        ]
        if not seen:
            raise NotFoundError("The order does not have this flag.")
        await self.memory.see_flags(seen, at_ms=self.clock.now_ms())
        return order
