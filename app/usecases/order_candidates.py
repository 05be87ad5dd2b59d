"""Finds the few orders that may match a selective filter, by indexes."""

from collections.abc import Sequence
from typing import Final

from app.domain.fold.readings import read_for_fold
from app.domain.fold.records import StoredEvent
from app.domain.payments.status import PaymentStatus
from app.usecases.orders import OPEN_ALONE, OrderBook, OrderFilter, OrderRange

CANDIDATES_MAX: Final = 500  # more are found faster by reading the list


async def candidates(book: OrderBook, wanted: OrderFilter) -> tuple[set[str], set[str]] | None:
    """Return sessions and checkouts with all matching orders; None if there are many."""
    if wanted.flagged:
        return await _flagged(book)
    if wanted.client_reference_id is not None:
        return None  # the list for one order number is short already
    if wanted.statuses and wanted.statuses != OPEN_ALONE:  # the list of those is short
        return await _of_statuses(book, wanted.statuses)
    return None


async def _of_statuses(
    book: OrderBook, statuses: frozenset[PaymentStatus]
) -> tuple[set[str], set[str]] | None:
    limit = CANDIDATES_MAX + 1
    sessions = set(await book.sessions_of_status(statuses, limit=limit))
    checkouts: set[str] = set()
    if PaymentStatus.OPEN in statuses:
        asked = OrderRange(wanted=OrderFilter(statuses=OPEN_ALONE), after=None, limit=limit)
        checkouts = {each.order_id for each in await book.checkouts_in(asked)}
    return (sessions, checkouts) if len(sessions) + len(checkouts) < limit else None


async def _flagged(book: OrderBook) -> tuple[set[str], set[str]] | None:
    limit = CANDIDATES_MAX + 1
    sessions = set(await book.flagged_sessions(limit=limit))
    failed = await book.failed_events(limit=limit)
    sessions |= await sessions_of_events(book, failed)
    twins = set(await book.paid_twice(limit=limit))
    is_short = len(sessions) + len(twins) < limit and len(failed) < limit
    return (sessions, twins) if is_short else None


async def sessions_of_events(book: OrderBook, events: Sequence[StoredEvent]) -> set[str]:
    """Return the sessions that these events concern."""
    object_ids = {
        mention.object_id
        for stored in events
        if stored.event
        for mention in read_for_fold(stored.event).mentions
    }
    sessions = {link.session_id for link in await book.links_of(object_ids)}
    return sessions | {id_ for id_ in object_ids if id_.startswith("cs_")}
