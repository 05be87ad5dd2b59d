"""A bulkhead: so many calls at once and no more, so that a hanging Altan Pay holds few of us."""

import asyncio
from typing import Final

from app.adapters.altan_pay.failures import failure
from app.adapters.altan_pay.transport import CONNECTIONS_MAX
from app.domain.checkout.redirects import PaymentPage
from app.domain.errors import AltanPayUnavailableError
from app.usecases.ports import PaymentPages, StillWanted
from app.usecases.records import SessionOrder

PLACES: Final = CONNECTIONS_MAX  # one connection for each, so that the pool is never waited for
PLACE_WAIT_S: Final = 2.0
WAITING_MAX: Final = 512


class NoPlaceError(AltanPayUnavailableError):
    """Too many calls are under way; says nothing about Altan Pay."""


class Bulkhead:
    """Makes payment pages as `pages` does, in a bounded number of places."""

    def __init__(
        self,
        pages: PaymentPages,
        *,
        places: int = PLACES,
        wait_s: float = PLACE_WAIT_S,
        waiting_max: int = WAITING_MAX,
    ) -> None:
        self._pages = pages
        self._places = asyncio.Semaphore(places)
        self._wait_s = wait_s
        self._waiting = 0
        self._waiting_max = waiting_max

    async def create(self, order: SessionOrder, still_wanted: StillWanted) -> PaymentPage:
        """See `PaymentPages.create`.

        Raises:
            NoPlaceError: no place became free in time, or too many wait for one already.
        """
        await self._take_a_place()
        try:
            return await self._pages.create(order, still_wanted)
        finally:
            self._places.release()

    async def _take_a_place(self) -> None:
        if self._waiting >= self._waiting_max:
            raise failure(NoPlaceError, "too many checkouts wait for a place")
        self._waiting += 1
        try:
            async with asyncio.timeout(self._wait_s):
                await self._places.acquire()
        except TimeoutError as error:
            raise failure(NoPlaceError, "no place became free in time") from error
        finally:
            self._waiting -= 1
