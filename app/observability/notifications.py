"""Counts and measures notifications, and alerts the owner if one is given up."""

import structlog

from app.observability.metrics import Metrics
from app.usecases.notification_tries import Try, TryResult
from app.usecases.outbox import Backlog, Notification
from app.usecases.ports import Alarm, AlertName, Clock

_log = structlog.get_logger()


class NotificationReport:
    """Called for each attempt, and periodically with what is waiting."""

    def __init__(self, metrics: Metrics, alarm: Alarm, clock: Clock) -> None:
        self._metrics = metrics
        self._results = {result: metrics.notification_tries.labels(result) for result in TryResult}
        self._alarm = alarm
        self._clock = clock
        self._oldest_at_ms: int | None = None
        metrics.notifications_oldest_seconds.set_function(self._oldest_s)

    def __call__(self, notification: Notification, tried: Try) -> None:
        """Count an attempt, and raise the alert if it was the last."""
        self._results[tried.result].inc()
        if tried.result is TryResult.TAKEN:
            waited_ms = tried.at_ms + tried.duration_ms - notification.at_ms
            self._metrics.notification_seconds.observe(max(waited_ms, 0) / 1000)
        elif tried.result is TryResult.FAILED:
            answer = tried.problem or f"answered {tried.http_status}"
            self._alarm(
                AlertName.NOTIFICATION_FAILED,
                f"{notification.id} ({notification.type} of {notification.order_id}) was not "
                f"accepted in {notification.attempts + 1} attempts. At the last one, it {answer}",
            )

    def defect(self, notification_id: str, error: Exception) -> None:
        """Log a defect of ours; the notification is tried again like after any other failure."""
        _log.error("notification_defect", notification=notification_id, exc_info=error)

    def backlog(self, backlog: Backlog) -> None:
        """Export what is waiting."""
        self._metrics.notifications_waiting.set(backlog.waiting)
        self._oldest_at_ms = backlog.oldest_at_ms

    def _oldest_s(self) -> float:
        if self._oldest_at_ms is None:
            return 0.0
        return max(self._clock.now_ms() - self._oldest_at_ms, 0) / 1000
