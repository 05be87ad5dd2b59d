"""Counts and logs what a check of Stripe could not read."""

import structlog

from app.observability.metrics import Metrics
from app.usecases.take_read_events import Findings

_log = structlog.get_logger()


class UnreadReport:
    """Called after each check that could not read everything, by the service or an operator."""

    def __init__(self, metrics: Metrics) -> None:
        self._unread = metrics.unread_at_stripe

    def __call__(self, findings: Findings) -> None:
        """Count all, and log the first reasons, which contain ids but nothing personal."""
        self._unread.inc(findings.failed)
        _log.warning("not_read_at_stripe", failed=findings.failed, reasons=findings.reasons)
