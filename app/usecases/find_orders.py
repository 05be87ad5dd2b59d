"""Finds orders for an operator: by order number, id, Stripe object or e-mail address."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from app.domain.ids import CHECKOUT_ID, SESSION_ID
from app.domain.stripe_events.event import StripeEvent
from app.domain.stripe_events.evidence import inner
from app.usecases.load_orders import load_orders, whole
from app.usecases.order_document import Order, order_of
from app.usecases.orders import (
    BodySearch,
    OrderBook,
    OrderDatabase,
    OrderFilter,
    OrderPosition,
    OrderRange,
)

ORDERS_MAX: Final = 50
# Enough for months of an ordinary shop, and read in less than a second.
BODIES_MAX: Final = 20_000
MATCHES_MAX: Final = 500

_STRIPE_ID: Final = re.compile(r"[a-z]{2,6}_[A-Za-z0-9_]{1,250}")
_PLAIN: Final = re.compile(r"[a-z0-9@._-]+")


class Searched(StrEnum):
    """Where a text was looked for."""

    ORDER_NUMBER = "order_number"
    CHECKOUT = "checkout"
    SESSION = "session"
    STRIPE_OBJECT = "stripe_object"
    EMAIL = "email"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundOrders:
    """The latest orders that match, and where they were looked for.

    `has_more`: there are more than `ORDERS_MAX`. `bodies` says how far a search by e-mail went.
    """

    orders: Sequence[Order]
    searched: tuple[Searched, ...]
    has_more: bool = False
    bodies: BodySearch | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FindOrders:
    """Only reads. E-mail addresses are only in the bodies of events, so these are searched."""

    database: OrderDatabase
    bodies_max: int = BODIES_MAX

    async def __call__(self, text: str) -> FoundOrders:
        """Return the orders that have exactly this number, id or e-mail address (in any case).

        Raises:
            StorageUnavailableError: the database cannot be read.
        """
        text = text.strip()
        if not text.isprintable():  # nothing that is stored has such a number or id
            return FoundOrders(orders=[], searched=(Searched.ORDER_NUMBER,))
        return await self.database.list_orders(lambda book: self._find(book, text))

    async def _find(self, book: OrderBook, text: str) -> FoundOrders:
        session_ids, checkout_ids = await _with_number(book, text)
        searched, bodies = [Searched.ORDER_NUMBER], None
        if CHECKOUT_ID.fullmatch(text):
            searched.append(Searched.CHECKOUT)
            checkout_ids.add(text)
        elif SESSION_ID.fullmatch(text):
            searched.append(Searched.SESSION)
            session_ids.add(text)
        elif _STRIPE_ID.fullmatch(text):
            searched.append(Searched.STRIPE_OBJECT)
            session_ids |= {link.session_id for link in await book.links_of([text])}
        elif "@" in text:
            searched.append(Searched.EMAIL)
            bodies = await self._with_email(book, text)
            session_ids |= {str(event.subject.get("id")) for event in bodies.events}
        parts = await load_orders(book, sorted(session_ids), sorted(checkout_ids))
        parts.sort(key=lambda each: each.position, reverse=True)
        shown = await whole(book, parts[:ORDERS_MAX])
        return FoundOrders(
            orders=[order_of(each) for each in shown],
            searched=tuple(searched),
            has_more=len(parts) > ORDERS_MAX,
            bodies=bodies,
        )

    async def _with_email(self, book: OrderBook, email: str) -> BodySearch:
        """Let the database find likely bodies, and read which of them have this address."""
        found = await book.search_bodies(
            _plain_part(email), events_max=self.bodies_max, limit=MATCHES_MAX
        )
        wanted = email.casefold()
        return BodySearch(
            events=[event for event in found.events if wanted in _emails_of(event)],
            looked_at=found.looked_at,
            since_ms=found.since_ms,
            is_complete=found.is_complete,
        )


async def _with_number(book: OrderBook, number: str) -> tuple[set[str], set[str]]:
    """Return sessions and checkouts with this order number, the latest."""
    asked = OrderRange(
        wanted=OrderFilter(client_reference_id=number), after=None, limit=ORDERS_MAX + 1
    )
    return (
        _ids(await book.strangers_in(asked)),
        _ids(await book.checkouts_in(asked)),
    )


def _ids(positions: Collection[OrderPosition]) -> set[str]:
    return {each.order_id for each in positions}


def _plain_part(email: str) -> str:
    """Return the longest part that JSON writes in one way only, in lower case."""
    parts: list[str] = _PLAIN.findall(email.lower())
    return max(parts, key=len)


def _emails_of(event: StripeEvent) -> set[str]:
    """Return a session's addresses (Stripe, the Checkout Session object)."""
    session = event.subject
    found = (inner(session, "customer_details", "email"), session.get("customer_email"))
    return {email.casefold() for email in found if isinstance(email, str)}
