"""Counts who found no place to wait, and tells the owner when all places are taken."""

from typing import Final

from app.observability.metrics import Metrics
from app.usecases.live_places import Full
from app.usecases.ports import Alarm, AlertName

WORDS: Final = "all places for streams and waiting requests are taken; others ask every 15 s"


class LivePlacesReport:
    """Called each time that a client, a payment or the process has no room for one more."""

    def __init__(self, metrics: Metrics, alarm: Alarm) -> None:
        self._full = {full: metrics.places_full.labels(full) for full in Full}
        self._alarm = alarm

    def __call__(self, full: Full) -> None:
        """Count it. One client that takes all of its own places is no news for the owner."""
        self._full[full].inc()
        if full is Full.ALL:
            self._alarm(AlertName.LIVE_PLACES_FULL, WORDS)
