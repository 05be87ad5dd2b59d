"""Counts and logs changes of payments: ids and statuses, nothing personal."""

from collections.abc import Collection
from functools import cache
from typing import Final

import structlog

from app.domain.fold.records import Payment
from app.domain.payments.facts import PaymentFacts
from app.domain.payments.status import PaymentStatus
from app.observability.metrics import Metrics
from app.usecases.records import Checkout

CURRENCIES_MAX: Final = 200  # Stripe has about 135; each is a series
_OTHER: Final = "other"
_NOTHING: Final = PaymentFacts()

_log = structlog.get_logger()


class PaymentReport:
    """Called with each started checkout, and with changed payments."""

    def __init__(self, metrics: Metrics) -> None:
        self._started = cache(metrics.checkouts_started.labels)
        self._statuses = {status: metrics.payments.labels(status) for status in PaymentStatus}
        self._refunded = metrics.refunded
        self._paid_seconds = metrics.paid_seconds
        self._currencies: set[str] = set()

    def started(self, checkout: Checkout) -> None:
        """Count a committed checkout."""
        self._started(checkout.cart.mode).inc()

    def changed(self, payments: Collection[Payment]) -> None:
        """Count and log changes, after they are committed."""
        for payment in payments:
            before, after = payment.before or _NOTHING, payment.facts
            old, new = before.status, after.status
            if new is not old:
                self._statuses[new].inc()
                _log.info(
                    "payment_status",
                    session_id=payment.session_id,
                    checkout_id=after.checkout_id,
                    before=old,
                    after=new,
                )
            if after.is_paid and not before.is_paid:
                self._time(after)
            more_minor = after.amount_refunded_minor - before.amount_refunded_minor
            self._count_refunds(more_minor + payment.renewals_refunded_minor, after.currency)

    def _time(self, facts: PaymentFacts) -> None:
        created_s = facts.details.created_s if facts.details else None
        paid_at_s = facts.first_paid_at_s
        if created_s is not None and paid_at_s is not None and paid_at_s >= created_s:
            self._paid_seconds.observe(paid_at_s - created_s)

    def _count_refunds(self, more_minor: int, currency: str | None) -> None:
        """Count refunds. A counter only increases, so a refund that fails later stays counted."""
        if more_minor > 0 and currency:
            self._refunded.labels(self._bounded(currency)).inc(more_minor)

    def _bounded(self, currency: str) -> str:
        if len(self._currencies) < CURRENCIES_MAX:
            self._currencies.add(currency)
        return currency if currency in self._currencies else _OTHER
