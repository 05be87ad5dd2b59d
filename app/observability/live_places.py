"""Counts refused streams and waiting requests, and alerts the owner if all places are taken."""

from typing import Final

from app.observability.metrics import Metrics
from app.usecases.live_places import Full
from app.usecases.ports import Alarm, AlertName

MESSAGE: Final = (
    "all places for streams and waiting requests are taken; other pages poll every 15 s"
)


class LivePlacesReport:
    """Called each time a client, a payment or the process reaches its limit."""

    def __init__(self, metrics: Metrics, alarm: Alarm) -> None:
        self._full = {full: metrics.places_full.labels(full) for full in Full}
        self._alarm = alarm

    def __call__(self, full: Full) -> None:
        """Count it; alert only if the process is full, not if one client is."""
        self._full[full].inc()
        if full is Full.ALL:
            self._alarm(AlertName.LIVE_PLACES_FULL, MESSAGE)
