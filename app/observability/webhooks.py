"""Counts what became of each webhook, and logs the bad ones without letting them flood the log."""

import time
from typing import Final

import structlog

from app.observability.metrics import Metrics

_log = structlog.get_logger()

_ORDINARY: Final = frozenset({"recorded", "duplicate", "other_account", "other_mode"})
LINE_EVERY_S: Final = 10.0


class WebhookReport:
    """Called once for each webhook, with its outcome."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._quiet_until = 0.0
        self._unsaid = 0

    def __call__(self, outcome: str) -> None:
        """Count `outcome`; a refused webhook is logged at most once every ten seconds.

        Anybody can send forged ones by the thousand, and a log full of them hides what matters.
        """
        self._metrics.webhooks.labels(outcome).inc()
        if outcome in _ORDINARY:
            return
        now = time.monotonic()
        if now < self._quiet_until:
            self._unsaid += 1
            return
        _log.warning("webhook_not_taken", outcome=outcome, more_since_last_line=self._unsaid)
        self._quiet_until, self._unsaid = now + LINE_EVERY_S, 0
