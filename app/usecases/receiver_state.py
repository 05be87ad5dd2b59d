"""The state of the shop's receiver: whether it is paused, and whether it is only probed."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, NamedTuple

from app.usecases.notification_tries import Try, TryResult

FAILURES_MAX: Final = 5  # in a row; after that, the receiver is only probed


class PauseReason(StrEnum):
    """Why nothing is sent."""

    OPERATOR = "operator"
    GONE = "gone"  # the receiver answered 410


class Recovery(NamedTuple):
    """Since when a receiver failed, and when it accepted a notification again."""

    since_ms: int
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverState:
    """The receiver's state, shared by all replicas. `failures` counts consecutive failed attempts.

    `failing_since_ms` is when the first of them was; `last_http_status` is of the last try, None
    if it got no answer.
    """

    paused_at_ms: int | None = None
    pause_reason: PauseReason | None = None
    failures: int = 0
    failing_since_ms: int | None = None
    last_http_status: int | None = None
    last_taken_at_ms: int | None = None

    @property
    def is_paused(self) -> bool:
        """Whether nothing may be sent."""
        return self.paused_at_ms is not None

    @property
    def is_only_probed(self) -> bool:
        """Whether it has failed so often that it is only probed."""
        return self.failures >= FAILURES_MAX

    def after(self, tries: Iterable[Try]) -> "ReceiverState":
        """Return the state after these attempts, in the order of their ends."""
        known = self
        for each in _in_order(tries):
            if each.result is TryResult.TAKEN:
                known = replace(
                    known,
                    failures=0,
                    failing_since_ms=None,
                    last_taken_at_ms=each.ended_at_ms,
                )
            else:
                since_ms = known.failing_since_ms
                known = replace(
                    known,
                    failures=known.failures + 1,
                    failing_since_ms=each.at_ms if since_ms is None else since_ms,
                )
            known = replace(known, last_http_status=each.http_status)
        return known

    def recovery(self, tries: Iterable[Try]) -> Recovery | None:
        """Return the end of a time in which it was only probed, if one of these attempts is it."""
        known = self
        for each in _in_order(tries):
            if each.result is TryResult.TAKEN and known.is_only_probed:
                return Recovery(known.failing_since_ms or 0, each.ended_at_ms)
            known = known.after([each])
        return None


def _in_order(tries: Iterable[Try]) -> list[Try]:
    return sorted(tries, key=lambda tried: tried.ended_at_ms)
