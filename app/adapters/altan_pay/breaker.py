"""Stops calling Altan Pay while it is down, and checks when it is back."""

import time
from collections.abc import Callable

from app.adapters.altan_pay.bulkhead import NoPlaceError
from app.adapters.altan_pay.failures import UnreachableError, unavailable
from app.domain.checkout.cart import CreatedBy
from app.domain.checkout.redirects import PaymentPage
from app.domain.errors import (
    AltanPayMisconfiguredError,
    CartRefusedError,
    CheckoutError,
)
from app.domain.limits.breaker import OPEN_S, Asked, Breaker, Refused, Verdict
from app.domain.limits.cart_shapes import shape_of
from app.usecases.ports import PaymentPages
from app.usecases.records import SessionOrder


class CircuitBreaker:
    """Creates payment pages with `pages`; fails immediately while Altan Pay is down.

    One checkout with all its retries counts as one call. `on_change` is called with each new state.
    """

    def __init__(
        self, pages: PaymentPages, *, on_change: Callable[[str], None], open_s: float = OPEN_S
    ) -> None:
        self._pages = pages
        self._breaker = Breaker(on_change=on_change, open_s=open_s)

    async def create(self, order: SessionOrder) -> PaymentPage:
        """See `PaymentPages.create`.

        Raises:
            AltanPayUnavailableError: the breaker is open, or this cart is blocked; no call was
            made.
        """
        asked = Asked(
            client=order.client,
            cart=order.cart,
            shape=shape_of(order.success_url, order.cancel_url, order.passed),
            is_servers=order.created_by is CreatedBy.SERVER,
        )
        permit = self._breaker.ask(asked, time.monotonic())
        if isinstance(permit, Refused):
            raise unavailable(permit.reason, retry_after_s=permit.retry_after_s)
        verdict = Verdict.NONE
        try:
            page = await self._pages.create(order)
            verdict = Verdict.WORKED
        except CheckoutError as error:
            verdict = verdict_of(error)
            raise
        finally:
            self._breaker.report(permit, verdict, time.monotonic())
        return page


def verdict_of(error: CheckoutError) -> Verdict:
    """What an error says about Altan Pay."""
    if isinstance(error, NoPlaceError):
        return Verdict.NONE
    if isinstance(error, UnreachableError):
        return Verdict.UNREACHABLE
    if isinstance(error, CartRefusedError | AltanPayMisconfiguredError):
        return Verdict.ANSWERED
    return Verdict.FAILED
