"""Counts and measures calls to Altan Pay, and logs why one failed."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import structlog

from app.domain.checkout.redirects import PaymentPage
from app.domain.errors import (
    AltanPayMalformedError,
    AltanPayMisconfiguredError,
    CheckoutError,
    ServiceFailedError,
)
from app.observability.metrics import Metrics
from app.usecases.ports import Alarm, AlertName, AllClear, PaymentPages, say_nothing
from app.usecases.records import SessionOrder

_log = structlog.get_logger()

# Errors that last until somebody fixes them. The breaker alerts if Altan Pay is down.
_ALERTS: Final[Mapping[type[ServiceFailedError], AlertName]] = {
    AltanPayMisconfiguredError: AlertName.ALTAN_PAY_MISCONFIGURED,
    AltanPayMalformedError: AlertName.ALTAN_PAY_MALFORMED,
}


@dataclass(frozen=True, slots=True)
class MeasuredPaymentPages:
    """Creates payment pages with `pages`, and measures the calls."""

    pages: PaymentPages
    metrics: Metrics
    alarm: Alarm
    all_clear: AllClear = say_nothing

    async def create(self, order: SessionOrder) -> PaymentPage:
        """See `PaymentPages.create`."""
        began = time.perf_counter()
        result = "cut_off"  # by the deadline, or by a bug
        try:
            page = await self.pages.create(order)
            result = "ok"
        except ServiceFailedError as error:
            result = error.code
            _log.warning("altan_pay_call_failed", code=error.code, reason=error.reason)
            if type(error) in _ALERTS:
                self.alarm(_ALERTS[type(error)], error.reason or error.title)
            raise
        except CheckoutError as error:
            result = error.code
            raise
        except asyncio.CancelledError:
            _log.warning("altan_pay_call_failed", code=result, reason="the deadline passed")
            raise
        else:
            for name in _ALERTS.values():
                self.all_clear(name, "Altan Pay created a payment page again")
            return page
        finally:
            self.metrics.upstream_calls.labels(result).inc()
            self.metrics.upstream_seconds.observe(time.perf_counter() - began)
