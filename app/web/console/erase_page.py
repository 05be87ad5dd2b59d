"""Deleting a buyer's data: a page that asks, and the act."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.responses import Response
from starlette.routing import BaseRoute

from app.usecases.erase_order import EraseOrder
from app.usecases.read_orders import ReadOrders
from app.web.console.frame import Frame
from app.web.console.guard import Guard
from app.web.console.visit import Visit, see_other


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasePage:
    """`/console/orders/{id}/erase`, by the checkout's or a session's id."""

    read_orders: ReadOrders
    erase_order: EraseOrder
    frame: Frame

    def routes(self, guard: Guard) -> Sequence[BaseRoute]:
        """The page, and the act."""
        path = "/console/orders/{id}/erase"
        return [guard.page(path, self.show), guard.act(path, self.erase)]

    async def show(self, visit: Visit) -> Response:
        """Ask whether the data shall be deleted, or raise a `CheckoutError`."""
        order = await self.read_orders.one(visit.request.path_params["id"])
        return self.frame.page(visit, "erase.html", {"order": order.document})

    async def erase(self, visit: Visit) -> Response:
        """Delete the data, or raise a `CheckoutError`."""
        order_id = visit.request.path_params["id"]
        erased = await self.erase_order(order_id)
        kept = len(erased.kept_ids)
        done = "erased_in_part" if kept else "erased"
        return see_other(
            visit.request, f"orders/{order_id}", done=done, deleted=erased.deleted, kept=kept
        )
