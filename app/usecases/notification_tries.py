"""Attempts to post notifications."""

from dataclasses import dataclass
from enum import StrEnum


class TryResult(StrEnum):
    """An attempt's result. `again`: it waits for another attempt."""

    TAKEN = "taken"
    AGAIN = "again"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One attempt to post a notification.

    `http_status` is None if there was no answer; then `problem` says why in a few words, without
    addresses or anything that the receiver sent.
    """

    notification_id: str
    at_ms: int
    duration_ms: int
    http_status: int | None
    problem: str | None
    result: TryResult

    @property
    def ended_at_ms(self) -> int:
        """When the answer was there."""
        return self.at_ms + self.duration_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledTry:
    """An attempt, and its lease. `due_at_ms` is when to retry; only for `again`.

    `not_before_ms`: until then the receiver wants no probe. `is_counted` is false for a try that
    takes none of the notification's tries. `planned_at_ms` is kept if it waits for its turn still.
    If the lease has been lost, to another sender or to a resend, the try is only recorded.
    """

    tried: Try
    leased_until_ms: int
    due_at_ms: int | None = None
    not_before_ms: int | None = None
    planned_at_ms: int | None = None
    is_counted: bool = True
