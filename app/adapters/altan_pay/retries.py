"""Retries calls that may succeed the next time, within the deadline and while the buyer waits.

A retry cannot charge anybody twice: a call only creates a Checkout Session, and only a buyer who
opens the session's URL can pay it. Of all the sessions that one checkout's calls may have created,
at most one URL is ever shown. The others cannot be paid, and expire.
"""

import asyncio
from collections.abc import Awaitable, Callable
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
from app.usecases.ports import PaymentPages
from app.usecases.records import SessionOrder

StillWanted = Callable[[], Awaitable[bool]]
"""Returns whether the client of the current request is still connected."""

TRIES_MAX: Final = 3
MALFORMED_TRIES_MAX: Final = 2  # the same invalid answer twice is no accident
BACKOFF_FIRST_S: Final = 0.2
BACKOFF_MAX_S: Final = 2.0

_backoff_with_full_jitter_s = wait_random_exponential(multiplier=BACKOFF_FIRST_S, max=BACKOFF_MAX_S)


class Retries:
    """Creates payment pages with `pages`, in up to three tries within one deadline.

    `still_wanted` is asked before each retry; no retry is made once the buyer has left.
    """

    def __init__(
        self, pages: PaymentPages, *, deadline_s: float, still_wanted: StillWanted
    ) -> None:
        self._pages = pages
        self._deadline_s = deadline_s
        self._still_wanted = still_wanted

    async def create(self, order: SessionOrder) -> PaymentPage:
        """See `PaymentPages.create`.

        Raises:
            AltanPayTimeoutError: the deadline passed.
        """
        failures: list[Exception] = []

        async def try_once() -> PaymentPage:
            if failures and not await self._still_wanted():
                raise failures[-1]
            try:
                return await self._pages.create(order)
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
            raise failure(AltanPayTimeoutError, "the deadline for all tries passed") from error

    def _is_last(self, state: RetryCallState) -> bool:
        """Stop if the pause would outlast the deadline, so that the buyer gets the error now."""
        malformed = isinstance(_error(state), AltanPayMalformedError)
        passed_s = state.seconds_since_start or 0.0
        return (
            state.attempt_number >= (MALFORMED_TRIES_MAX if malformed else TRIES_MAX)
            or passed_s + state.upcoming_sleep >= self._deadline_s
        )


def _may_pass(error: BaseException) -> bool:
    """Return whether a retry may help; not if our own limit of concurrent calls is reached."""
    return isinstance(error, _PASSING) and not isinstance(error, NoPlaceError)


# Connections refused, reset or cut short, 408, 429, 5xx, and invalid answers. Not a rejected cart
# or unknown ids: a retry would not change those.
_PASSING: Final = (AltanPayUnavailableError, AltanPayTimeoutError, AltanPayMalformedError)


def _pause_s(state: RetryCallState) -> float:
    """Return Altan Pay's Retry-After, or an exponential backoff with full jitter."""
    error = _error(state)
    asked_for_s = error.retry_after_s if isinstance(error, AltanPayUnavailableError) else None
    return _backoff_with_full_jitter_s(state) if asked_for_s is None else asked_for_s


def _error(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None
