"""Counts webhooks by outcome, and logs refused ones without flooding the log."""

import time
from collections import deque
from functools import cache
from typing import Final

import structlog

from app.observability.metrics import Metrics
from app.usecases.ports import Alarm, AlertName

_log = structlog.get_logger()

_ORDINARY: Final = frozenset({"recorded", "duplicate", "other_account", "other_mode"})
_FORGED: Final = frozenset({"signature_missing", "signature_invalid"})
LINE_EVERY_S: Final = 10.0
BURST: Final = 50  # forged webhooks within a minute: an attack, or a wrong secret
BURST_S: Final = 60.0


class WebhookReport:
    """Called once for each webhook, with its outcome."""

    def __init__(self, metrics: Metrics, alarm: Alarm) -> None:
        self._outcomes = cache(metrics.webhooks.labels)
        self._alarm = alarm
        self._forged_at_s: deque[float] = deque(maxlen=BURST)
        self._quiet_until = 0.0
        self._unsaid = 0

    def __call__(self, outcome: str) -> None:
        """Count `outcome`; a refused webhook is logged at most once every ten seconds.

        Anybody can send thousands of forged ones, which would hide the rest of the log.
        """
        self._outcomes(outcome).inc()
        if outcome in _ORDINARY:
            return
        now = time.monotonic()
        if outcome in _FORGED:
            self._watch_for_a_burst(now)
        if now < self._quiet_until:
            self._unsaid += 1
            return
        _log.warning("webhook_not_taken", outcome=outcome, more_since_last_line=self._unsaid)
        self._quiet_until, self._unsaid = now + LINE_EVERY_S, 0

    def _watch_for_a_burst(self, now_s: float) -> None:
        self._forged_at_s.append(now_s)
        if len(self._forged_at_s) == BURST and now_s - self._forged_at_s[0] <= BURST_S:
            self._forged_at_s.clear()
            self._alarm(
                AlertName.SIGNATURE_FAILURES_BURST,
                f"{BURST} webhooks within a minute failed signature verification",
            )
