"""Keeps count of the calls to Altan Pay, and tells the operator why one failed."""

import time
from dataclasses import dataclass

import structlog

from app.domain.errors import CheckoutError, ServiceFailedError
from app.domain.redirects import PaymentPage
from app.observability.metrics import Metrics
from app.usecases.ports import PaymentPages, SessionOrder

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class MeasuredPaymentPages:
    """Makes payment pages as `pages` does, and measures it."""

    pages: PaymentPages
    metrics: Metrics

    async def create(self, order: SessionOrder) -> PaymentPage:
        """See `PaymentPages.create`."""
        began = time.perf_counter()
        result = "internal_error"
        try:
            page = await self.pages.create(order)
            result = "ok"
        except ServiceFailedError as error:
            result = error.code
            _log.warning("altan_pay_call_failed", code=error.code, reason=error.reason)
            raise
        except CheckoutError as error:
            result = error.code
            raise
        else:
            return page
        finally:
            self.metrics.upstream_calls.labels(result).inc()
            self.metrics.upstream_seconds.observe(time.perf_counter() - began)
