"""Stops calling an Altan Pay that fails most of the time, and finds out when it is back."""

import math
import time
from collections.abc import Callable
from typing import Final

from fluxgate import AsyncCircuitBreaker, CallNotPermittedError
from fluxgate.permits import All
from fluxgate.retries import Cooldown
from fluxgate.signal import Signal
from fluxgate.trackers import TypeOf
from fluxgate.trippers import Closed, FailureRate, HalfOpened, MinRequests
from fluxgate.windows import CountWindow

from app.adapters.altan_pay.failures import unavailable
from app.adapters.altan_pay.places import NoPlaceError
from app.domain.errors import (
    AltanPayMalformedError,
    AltanPayTimeoutError,
    AltanPayUnavailableError,
)
from app.domain.redirects import PaymentPage
from app.usecases.ports import PaymentPages, StillWanted
from app.usecases.records import SessionOrder

WINDOW_CHECKOUTS: Final = 20
CHECKOUTS_MIN: Final = 10  # fewer say nothing about a ratio
FAILURE_RATIO: Final = 0.5
OPEN_S: Final = 10.0


class GuardedPaymentPages:
    """Makes payment pages as `pages` does while most of that works, and refuses at once while not.

    One checkout with all its retries is one call here. `on_change` hears of each new state.
    """

    def __init__(
        self, pages: PaymentPages, *, on_change: Callable[[str], None], open_s: float = OPEN_S
    ) -> None:
        self._pages = pages
        self._on_change = on_change
        self._open_s = open_s
        self._probing = False
        self._breaker = AsyncCircuitBreaker(
            window=CountWindow(WINDOW_CHECKOUTS),
            tracker=TypeOf(AltanPayUnavailableError, AltanPayTimeoutError, AltanPayMalformedError)
            & ~TypeOf(NoPlaceError),
            tripper=(Closed() & MinRequests(CHECKOUTS_MIN) & FailureRate(FAILURE_RATIO))
            | (HalfOpened() & FailureRate(FAILURE_RATIO)),
            retry=Cooldown(open_s),
            permit=All(),
            max_half_open_calls=1,
            listeners=(self._changed,),
        )

    async def create(self, order: SessionOrder, still_wanted: StillWanted) -> PaymentPage:
        """See `PaymentPages.create`.

        Raises:
            AltanPayUnavailableError: the breaker is open; nobody was called.
        """
        if self._probing:
            raise self._refusal()
        try:
            return await self._breaker.call(self._create, order, still_wanted)
        except CallNotPermittedError as error:
            raise self._refusal() from error

    async def _create(self, order: SessionOrder, still_wanted: StillWanted) -> PaymentPage:
        """One probe at a time: the library would let the others wait for it, not refuse them."""
        is_probe = self._breaker.info().state == "half_open"
        self._probing = self._probing or is_probe
        try:
            return await self._pages.create(order, still_wanted)
        finally:
            if is_probe:  # and not a call from before, which ends late
                self._probing = False

    def _changed(self, signal: Signal) -> None:
        self._on_change(signal.new_state)

    def _refusal(self) -> AltanPayUnavailableError:
        open_since_s = time.time() - self._breaker.info().changed_at
        return unavailable(
            "the circuit breaker is open",
            retry_after_s=max(1, math.ceil(self._open_s - open_since_s)),
        )
