"""A bulkhead: limits concurrent calls, so that a hanging Altan Pay ties up few resources."""

import asyncio
from typing import Final

from app.adapters.altan_pay.failures import failure
from app.adapters.http_transport import CONNECTIONS_MAX
from app.domain.checkout.redirects import PaymentPage
from app.domain.errors import AltanPayUnavailableError
from app.usecases.ports import PaymentPages
from app.usecases.records import SessionOrder

PLACES: Final = CONNECTIONS_MAX  # one connection each, so that no call waits for the pool
PLACE_WAIT_S: Final = 2.0
WAITING_MAX: Final = 512


class NoPlaceError(AltanPayUnavailableError):
    """Too many calls are running; this says nothing about Altan Pay."""


class Bulkhead:
    """Creates payment pages with `pages`, a limited number at a time."""

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

    async def create(self, order: SessionOrder) -> PaymentPage:
        """See `PaymentPages.create`.

        Raises:
            NoPlaceError: no place became free in time, or too many calls wait for one already.
        """
        await self._take_a_place()
        try:
            return await self._pages.create(order)
        finally:
            self._places.release()

    async def _take_a_place(self) -> None:
        if self._waiting >= self._waiting_max:
            raise failure(NoPlaceError, "too many checkouts are waiting")
        self._waiting += 1
        try:
            async with asyncio.timeout(self._wait_s):
                await self._places.acquire()
        except TimeoutError as error:
            raise failure(NoPlaceError, "waited too long for other checkouts") from error
        finally:
            self._waiting -= 1
