"""Alerts the owner: an ERROR line, a counter, and the configured channels."""

import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

import structlog

from app.observability.metrics import Metrics
from app.usecases.ports import AlertName


class Channel(Protocol):
    """Sends an alert, or that one is over; returns immediately and never raises."""

    def __call__(self, name: AlertName, message: str, *, is_over: bool = False) -> None:
        """Send it."""
        ...


LINE_EVERY_S: Final = 10.0  # for each matter: a broken disk must not flood the log
SEND_EVERY_S: Final = 600.0  # for each matter and all channels: people ignore repeated alerts
# Each of these messages differs, so several are sent within these times.
AT_ONCE: Final[Mapping[AlertName, int]] = {AlertName.ORDER_FLAGGED: 20}
# This process detects the problem and its end, so these last from the alert until it is over.
LASTING: Final = frozenset(
    {
        AlertName.ALTAN_PAY_DOWN,
        AlertName.ALTAN_PAY_MISCONFIGURED,
        AlertName.ALTAN_PAY_MALFORMED,
        AlertName.STORAGE_UNAVAILABLE,
        AlertName.CATALOG_BROKEN,
        AlertName.RATE_LIMITS_UNAVAILABLE,
    }
)
# Their state is in the database, so each process shows it, whichever one raised the alert.
SHARED: Final = frozenset(
    {
        AlertName.NOTHING_BUT_REFUSED_WEBHOOKS,
        AlertName.NOTIFICATIONS_FAILING,
        AlertName.NOTIFICATIONS_PAUSED,
    }
)

Matter = tuple[AlertName, str]
"""A name and its subject, which is empty where the name says all."""

_log = structlog.get_logger()


class Alerts:
    """Sends all alerts. Implements the `Alarm` port."""

    def __init__(
        self,
        metrics: Metrics,
        channels: Sequence[Channel] = (),
        *,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._counter, self._active = metrics.alerts, metrics.alert_active
        self._channels = channels
        self._clock_s = clock_s
        self._logged_at_s = defaultdict[Matter, deque[float]](deque)
        self._sent_at_s = defaultdict[Matter, deque[float]](deque)
        self._open: set[Matter] = set()
        self._unended: set[Matter] = set()  # sent to the channels, and not over yet
        for name in AlertName:
            self._counter.labels(name)  # so that each series exists, at zero, from the start
        for name in LASTING | SHARED:
            self.show(name, is_active=False)

    def __call__(self, name: AlertName, message: str, *, subject: str = "") -> None:
        """Count an alert; log and send it, unless that was done recently."""
        self.note(name, message, subject=subject)
        if self._is_due(self._sent_at_s, (name, subject), SEND_EVERY_S):
            self._unended.add((name, subject))
            for send in self._channels:
                send(name, message)

    def note(self, name: AlertName, message: str, *, subject: str = "") -> None:
        """Count and log an alert whose matter another alert has sent already."""
        self._counter.labels(name).inc()
        self._open.add((name, subject))
        if name in LASTING:
            self.show(name, is_active=True)
        if self._is_due(self._logged_at_s, (name, subject), LINE_EVERY_S):
            _log.error("alert", alert=name, message=message)

    def show(self, name: AlertName, *, is_active: bool) -> None:
        """Export whether an alert's problem lasts; without a line or a message."""
        self._active.labels(name).set(is_active)

    def is_open(self, name: AlertName) -> bool:
        """Return whether this process raised this alert and it is not over."""
        return any(known == name for known, _ in self._open)

    def over(self, name: AlertName, message: str, *, subject: str = "") -> None:
        """Report that an open alert is over; cheap enough to call after every success.

        An alert that comes and goes is sent at most once in ten minutes, and so is its end.
        """
        matter = (name, subject)
        if matter in self._open:
            self._end(matter, message, is_sent=matter in self._unended)

    def was_over(self, name: AlertName, message: str, *, subject: str = "") -> None:
        """Report that an alert is over, even if another process raised it."""
        self._end((name, subject), message, is_sent=True)

    def _end(self, matter: Matter, message: str, *, is_sent: bool) -> None:
        self._open.discard(matter)
        self._unended.discard(matter)
        name, _ = matter
        if name in LASTING:
            self.show(name, is_active=self.is_open(name))
        _log.warning("alert_over", alert=name, message=message)
        if is_sent:
            for send in self._channels:
                send(name, message, is_over=True)

    def _is_due(
        self, done_at_s: Mapping[Matter, deque[float]], matter: Matter, every_s: float
    ) -> bool:
        now_s, latest_s = self._clock_s(), done_at_s[matter]
        while latest_s and now_s - latest_s[0] >= every_s:
            latest_s.popleft()
        if len(latest_s) >= AT_ONCE.get(matter[0], 1):
            return False
        latest_s.append(now_s)
        return True
