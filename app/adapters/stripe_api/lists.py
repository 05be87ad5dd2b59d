"""Reads Stripe's lists, whose pages come newest first (Stripe: api/pagination)."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from app.adapters.stripe_api.client import StripeClient
from app.usecases.stripe_reads import Document, StripeMalformedError

PAGE_MAX: Final = 100
PAGES_MAX: Final = 10_000  # a million events: more than 30 days of a large shop


class _Page(NamedTuple):
    items: list[Document]
    has_more: bool

    @property
    def newest_id(self) -> str:
        return str(self.items[0]["id"])

    @property
    def oldest_id(self) -> str:
        return str(self.items[-1]["id"])


@dataclass(slots=True)
class StripeList:
    """One of Stripe's lists. Each method reads it once.

    Raises:
        StripeReadError: a page cannot be read, or repeats another one.
    """

    client: StripeClient
    path: str
    query: Sequence[tuple[str, str]] = ()
    _asked: set[tuple[str, str]] = field(default_factory=set)

    async def in_order(self) -> AsyncIterator[Sequence[Document]]:
        """Yield the pages in Stripe's order."""
        page = await self._page()
        while page.items:
            yield page.items
            if not page.has_more:
                return
            page = await self._page("starting_after", page.oldest_id)

    async def oldest_first(self) -> AsyncIterator[Sequence[Document]]:
        """Yield the pages of a newest-first list, from the oldest item on.

        Stripe has no such order, so this reads to the last page, keeps only that, and reads back
        from there. So only a few pages are in memory, and items that were added since are found.
        """
        page = await self._page()
        is_last = not page.has_more
        while page.has_more:
            older = await self._page("starting_after", page.oldest_id)
            if not older.items:
                break
            page = older
        while page.items:
            yield page.items[::-1]
            if is_last:
                return
            page = await self._page("ending_before", page.newest_id)
            is_last = not page.has_more

    async def _page(self, *position: str) -> _Page:
        """Return the first page, or the next one in a direction from an item."""
        query = [*self.query, ("limit", str(PAGE_MAX))]
        if position:
            direction, item_id = position
            if (direction, item_id) in self._asked or len(self._asked) >= PAGES_MAX:
                raise StripeMalformedError("Stripe's list repeats a page, or does not end")
            self._asked.add((direction, item_id))
            query.append((direction, item_id))
        return _read_page(await self.client.get(self.path, query))


def _read_page(answer: Document) -> _Page:
    items, has_more = answer.get("data"), answer.get("has_more")
    if not isinstance(items, list) or not isinstance(has_more, bool):
        raise StripeMalformedError("Stripe's answer is not a list")
    if any(not isinstance(item, dict) or not isinstance(item.get("id"), str) for item in items):
        raise StripeMalformedError("Stripe's list contains something without an id")
    if has_more and not items:
        raise StripeMalformedError("Stripe's list has an empty page that is not the last")
    return _Page(items, has_more)
