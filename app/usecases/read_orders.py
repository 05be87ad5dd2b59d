"""Orders for the shop's own server: one by its id, or a page of them."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass

from app.domain.ids import CHECKOUT_ID
from app.usecases.load_orders import (
    find_order,
    load_checkouts,
    load_orders,
    load_sessions,
    whole,
)
from app.usecases.order_candidates import candidates
from app.usecases.order_document import Order, order_of, status_of
from app.usecases.orders import (
    OrderBook,
    OrderDatabase,
    OrderFilter,
    OrderParts,
    OrderPosition,
    OrderRange,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPage:
    """Some orders, and the position of the next ones; None after the last."""

    orders: Sequence[Order]
    next: OrderPosition | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOrders:
    """Reads the latest committed state; one answer is read at one moment.

    `check_flags` checks what this process committed a moment ago for flags between orders. Without
    it, a list of flagged orders may be a second behind.
    """

    database: OrderDatabase
    check_flags: Callable[[], Awaitable[None]] | None = None

    async def one(self, public_id: str) -> Order:
        """Return the order with this checkout id, or one of its sessions' ids.

        Raises:
            NotFoundError: no checkout and no event has this id.
        """

        async def look(book: OrderBook) -> Order:
            parts = await find_order(book, public_id)
            return order_of((await whole(book, [parts]))[0])

        return await self.database.read_orders(look)

    async def page(
        self, wanted: OrderFilter, after: OrderPosition | None, *, limit: int
    ) -> OrderPage:
        """Return the next orders after a position, the latest first."""
        if wanted.flagged and self.check_flags:
            await self.check_flags()

        async def look(book: OrderBook) -> OrderPage:
            found = await _candidates_page(book, wanted, after, limit + 1)
            if found is None:
                found = await _walk(book, wanted, after, limit + 1)
            is_last = len(found) <= limit
            orders = found[:limit]
            return OrderPage(orders=orders, next=None if is_last else orders[-1].position)

        return await self.database.list_orders(look)


async def _candidates_page(
    book: OrderBook, wanted: OrderFilter, after: OrderPosition | None, limit: int
) -> list[Order] | None:
    """Return all matching orders, sorted, if they are few; otherwise None."""
    found = await candidates(book, wanted)
    if found is None:
        return None
    parts = await load_orders(book, *found)
    rest = [each for each in parts if after is None or each.position < after]
    rest.sort(key=lambda each: each.position, reverse=True)
    orders: list[Order] = []
    while rest and len(orders) < limit:
        part, rest = rest[:limit], rest[limit:]
        orders += await _fitting(book, part, wanted)
    return orders[:limit]


async def _walk(
    book: OrderBook, wanted: OrderFilter, after: OrderPosition | None, limit: int
) -> list[Order]:
    """Read the list part by part, the latest first, until there are enough."""
    orders: list[Order] = []
    while len(orders) < limit:
        asked = OrderRange(wanted=wanted, after=after, limit=limit)
        positions, is_end = await _next_positions(book, asked)
        orders += await _fitting(book, await _load(book, positions), wanted)
        if is_end:
            break
        after = positions[-1]
    return orders[:limit]


async def _next_positions(book: OrderBook, asked: OrderRange) -> tuple[list[OrderPosition], bool]:
    """Return the next of both kinds, in their common order, and whether these are the last."""
    ours = await book.checkouts_in(asked)
    until = ours[-1] if len(ours) == asked.limit else None
    strangers = await book.strangers_in(
        OrderRange(wanted=asked.wanted, after=asked.after, until=until, limit=asked.limit)
    )
    positions = sorted([*ours, *strangers], reverse=True)[: asked.limit]
    return positions, len(positions) < asked.limit


async def _load(book: OrderBook, positions: Sequence[OrderPosition]) -> list[OrderParts]:
    ids = [each.order_id for each in positions]
    found = await book.checkouts([id_ for id_ in ids if _is_checkout(id_)])
    loaded = await load_checkouts(book, found)
    # A session of a checkout that does not know it is listed with its checkout, not here.
    strangers = await load_sessions(book, [id_ for id_ in ids if not _is_checkout(id_)])
    loaded += [each for each in strangers if each.position in positions and not each.checkout]
    order = {position: number for number, position in enumerate(positions)}
    return sorted(loaded, key=lambda each: order[each.position])


def _is_checkout(order_id: str) -> bool:
    return CHECKOUT_ID.fullmatch(order_id) is not None


async def _fitting(
    book: OrderBook, parts: Collection[OrderParts], wanted: OrderFilter
) -> list[Order]:
    """Return the matching orders, in order; expensive parts are read only for those."""
    likely = [each for each in parts if _may_fit(each, wanted)]
    orders = [order_of(each) for each in await whole(book, likely)]
    if wanted.flagged is None:
        return orders
    return [order for order in orders if bool(order.unseen) is wanted.flagged]


def _may_fit(parts: OrderParts, wanted: OrderFilter) -> bool:
    created_at_ms, reference = parts.position.created_at_ms, wanted.client_reference_id
    return (
        (not wanted.statuses or status_of(parts.payments) in wanted.statuses)
        and (reference is None or reference == parts.client_reference_id)
        and (wanted.created_gte_ms is None or created_at_ms >= wanted.created_gte_ms)
        and (wanted.created_lt_ms is None or created_at_ms < wanted.created_lt_ms)
    )
