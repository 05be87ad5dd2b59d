"""Tries again what may go better the second time, as long as the deadline and the buyer allow it.

Why a retry cannot charge anybody twice: all that a call makes is a Checkout Session, and a session
takes money only from a buyer who opens its URL. Of all the sessions that the tries of one checkout
may have made, one URL at most is ever shown; the others cannot be paid, and expire by themselves.
"""

import asyncio
from typing import Final

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception
from tenacity.wait import wait_random_exponential

from app.adapters.altan_pay.bulkhead import NoPlaceError
from app.adapters.altan_pay.failures import failure
from app.domain.checkout.redirects import PaymentPage
from app.domain.errors import (
    AltanPayMalformedError,
    AltanPayTimeoutError,
    AltanPayUnavailableError,
)
from app.usecases.ports import PaymentPages, StillWanted
from app.usecases.records import SessionOrder

TRIES_MAX: Final = 3
MALFORMED_TRIES_MAX: Final = 2  # the same nonsense twice is no accident
BACKOFF_FIRST_S: Final = 0.2
BACKOFF_MAX_S: Final = 2.0

_backoff_with_full_jitter_s = wait_random_exponential(multiplier=BACKOFF_FIRST_S, max=BACKOFF_MAX_S)


class Retries:
    """Makes payment pages as `pages` does, in up to three tries within one deadline."""

    def __init__(self, pages: PaymentPages, *, deadline_s: float) -> None:
        self._pages = pages
        self._deadline_s = deadline_s

    async def create(self, order: SessionOrder, still_wanted: StillWanted) -> PaymentPage:
        """See `PaymentPages.create`.

        Raises:
            AltanPayTimeoutError: the deadline passed, whatever was under way.
        """
        failures: list[Exception] = []

        async def try_once() -> PaymentPage:
            if failures and not await still_wanted():
                raise failures[-1]
            try:
                return await self._pages.create(order, still_wanted)
            except Exception as error:
                failures.append(error)
                raise

        tries = AsyncRetrying(
            retry=retry_if_exception(_may_pass), wait=_pause_s, stop=self._is_last, reraise=True
        )
        try:
            async with asyncio.timeout(self._deadline_s):
                return await tries(try_once)
        except TimeoutError as error:
            raise failure(AltanPayTimeoutError, "the whole deadline passed") from error

    def _is_last(self, state: RetryCallState) -> bool:
        """A pause that would outlast the deadline is not begun: the buyer hears at once."""
        malformed = isinstance(_error(state), AltanPayMalformedError)
        passed_s = state.seconds_since_start or 0.0
        return (
            state.attempt_number >= (MALFORMED_TRIES_MAX if malformed else TRIES_MAX)
            or passed_s + state.upcoming_sleep >= self._deadline_s
        )


def _may_pass(error: BaseException) -> bool:
    """Where all our own places are taken, asking again at once would take another."""
    return isinstance(error, _PASSING) and not isinstance(error, NoPlaceError)


# Connections refused, reset or cut short, 408, 429, 5xx, and answers that make no sense. Never a
# cart that was refused, nor ids that Altan Pay does not know: those stay so.
_PASSING: Final = (AltanPayUnavailableError, AltanPayTimeoutError, AltanPayMalformedError)


def _pause_s(state: RetryCallState) -> float:
    """What Altan Pay asks for with Retry-After, or an exponential backoff with full jitter."""
    error = _error(state)
    asked_for_s = error.retry_after_s if isinstance(error, AltanPayUnavailableError) else None
    return _backoff_with_full_jitter_s(state) if asked_for_s is None else asked_for_s


def _error(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None
