"""The list of orders, and the search."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response
from starlette.routing import BaseRoute

from app.domain.payments.status import PaymentStatus
from app.usecases.find_orders import FindOrders, FoundOrders, Searched
from app.usecases.read_orders import ReadOrders
from app.web.api.order_query import make_cursor, read_order_query
from app.web.console.frame import Frame, time_text
from app.web.console.guard import Guard
from app.web.console.visit import Visit

TERM_LENGTH_MAX: Final = 320
_FILTERS: Final = ("status", "flagged", "cursor")
_AS: Final = {
    Searched.ORDER_NUMBER: "an order number",
    Searched.CHECKOUT: "a checkout id",
    Searched.SESSION: "a session id",
    Searched.STRIPE_OBJECT: "the id of a payment intent, charge, subscription or invoice",
    Searched.EMAIL: "an e-mail address",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdersPage:
    """`/console`: the latest orders first, filtered, or those that were searched for."""

    read_orders: ReadOrders
    find_orders: FindOrders
    frame: Frame

    def routes(self, guard: Guard) -> Sequence[BaseRoute]:
        """Both addresses show the same; the first one also asks for the token."""
        return [guard.page("/console", self.show), guard.page("/console/orders", self.show)]

    async def show(self, visit: Visit) -> Response:
        """Return a page of orders, or raise a `CheckoutError`."""
        term = visit.request.query_params.get("q", "").strip()[:TERM_LENGTH_MAX]
        return await (self._found(visit, term) if term else self._list(visit))

    async def _list(self, visit: Visit) -> Response:
        # A form sends its empty fields, too.
        query = [
            (name, value)
            for name, value in visit.request.query_params.multi_items()
            if name in _FILTERS and value
        ]
        wanted, after, limit = read_order_query(query)
        page = await self.read_orders.page(wanted, after, limit=limit)
        values = {
            "orders": page.orders,
            "statuses": [*PaymentStatus],
            "status": next(iter(wanted.statuses), ""),
            "flagged": wanted.flagged,
            "cursor": make_cursor(wanted, page.next) if page.next else "",
            "is_first": after is None,
            "term": "",
            "message": "",
        }
        return self.frame.page(visit, "orders.html", values)

    async def _found(self, visit: Visit, term: str) -> Response:
        found = await self.find_orders(term)
        values = {
            "orders": found.orders,
            "statuses": [*PaymentStatus],
            "status": "",
            "flagged": None,
            "cursor": "",
            "is_first": True,
            "term": term,
            "message": found_text(found),
        }
        return self.frame.page(visit, "orders.html", values)


def found_text(found: FoundOrders) -> str:
    """Say how many were found, as what the term was looked up, and how far that went."""
    number = len(found.orders)
    many = f"The latest {number}" if found.has_more else str(number or "No")
    sought = " and ".join(_AS[each] for each in found.searched)
    text = f"{many} {'order was' if number == 1 else 'orders were'} found. Looked up as {sought}."
    bodies = found.bodies
    if bodies is None:
        return text
    if bodies.since_ms is None:
        return f"{text} No event is stored, and e-mail addresses are only in those."
    since = time_text(bodies.since_ms)
    if bodies.is_complete:
        return f"{text} E-mail addresses were searched in all stored events, back to {since}."
    return (
        f"{text} E-mail addresses were searched in the latest {bodies.looked_at:,} stored events, "
        f"back to {since}; older ones were not looked at."
    )
