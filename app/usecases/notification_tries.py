"""Attempts to post notifications."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

PROBLEM_LENGTH_MAX: Final = 200


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

    def __post_init__(self) -> None:
        """Shorten the problem to what is stored, because a longer one would be refused."""
        if self.problem is not None:
            object.__setattr__(self, "problem", self.problem[:PROBLEM_LENGTH_MAX])

    @property
    def ended_at_ms(self) -> int:
        """When the answer was there."""
        return self.at_ms + self.duration_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledTry:
    """An attempt, and its lease. `due_at_ms` is when to retry; only for `again`.

    `not_before_ms`: until then the receiver wants no probe. `is_counted` is false for a try that
    takes none of the notification's tries. `planned_at_ms` is kept if it waits for its turn still.
    `is_about_receiver` is false for a defect of ours, which says nothing about the receiver.
    If the lease has been lost, to another sender or to a resend, the try is only recorded.
    """

    tried: Try
    leased_until_ms: int
    due_at_ms: int | None = None
    not_before_ms: int | None = None
    planned_at_ms: int | None = None
    is_counted: bool = True
    is_about_receiver: bool = True
