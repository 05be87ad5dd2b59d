"""Tells the owner: an ERROR line, a counter, and whatever channels the settings name."""

import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import structlog

from app.observability.metrics import Metrics
from app.usecases.ports import AlertName


class Channel(Protocol):
    """Takes an alert on, or that one is over; returns at once and never raises."""

    def __call__(self, name: AlertName, words: str, *, is_over: bool = False) -> None:
        """Tell it."""
        ...


LINE_EVERY_S: Final = 10.0  # for each name: a dead disk must not fill the log with one sentence
TELL_EVERY_S: Final = 600.0  # for each name and all channels: people stop reading what repeats

_log = structlog.get_logger()


class Alerts:
    """The one way by which bad news leaves the service. Fulfils the `Alarm` port."""

    def __init__(
        self,
        metrics: Metrics,
        channels: Sequence[Channel] = (),
        *,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._counter = metrics.alerts
        self._channels = channels
        self._clock_s = clock_s
        self._logged_at_s: dict[AlertName, float] = {}
        self._told_at_s: dict[AlertName, float] = {}
        self._open: set[AlertName] = set()
        self._unended: set[AlertName] = set()  # what channels were told of, and not that it is over
        for name in AlertName:
            self._counter.labels(name)  # so that each series is there, at zero, from the start

    def __call__(self, name: AlertName, words: str) -> None:
        """Count it; log it and tell it on, if that has not just been done."""
        self._counter.labels(name).inc()
        self._open.add(name)
        if self._is_due(self._logged_at_s, name, LINE_EVERY_S):
            _log.error("alert", alert=name, words=words)
        if self._is_due(self._told_at_s, name, TELL_EVERY_S):
            self._unended.add(name)
            for tell in self._channels:
                tell(name, words)

    def is_open(self, name: AlertName) -> bool:
        """Whether it was raised by this process, and is not over."""
        return name in self._open

    def over(self, name: AlertName, words: str) -> None:
        """Say that it is over, if it is open; cheap, so that each success may say it.

        What comes and goes is told once in ten minutes, and so is its end.
        """
        if name in self._open:
            self._end(name, words, is_told=name in self._unended)

    def was_over(self, name: AlertName, words: str) -> None:
        """The same where another process may have raised it."""
        self._end(name, words, is_told=True)

    def _end(self, name: AlertName, words: str, *, is_told: bool) -> None:
        self._open.discard(name)
        self._unended.discard(name)
        _log.warning("alert_over", alert=name, words=words)
        if is_told:
            for tell in self._channels:
                tell(name, words, is_over=True)

    def _is_due(self, last_s: dict[AlertName, float], name: AlertName, every_s: float) -> bool:
        now_s = self._clock_s()
        if now_s - last_s.get(name, -every_s) < every_s:
            return False
        last_s[name] = now_s
        return True
