"""When a failed notification is sent again, and when it is given up."""

from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Final

# Three days in all, so that a receiver that broke on a Friday evening still gets it on Monday.
PAUSES_S: Final = (5, 30, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
TRIES_MAX: Final = len(PAUSES_S) + 1
SPREAD: Final = 0.2  # so that notifications that failed together are not retried together


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A receiver's answer to an attempt.

    `status` is None if there was no answer; then `problem` says why, completing "the receiver …".
    `retry_after_s` is the pause that it asked for. `is_defect`: nothing was sent, because of a
    defect of ours.
    """

    status: int | None
    problem: str | None = None
    retry_after_s: int | None = None
    is_defect: bool = False

    @property
    def message(self) -> str:
        """What the receiver did, completing "the receiver …"."""
        return self.problem or f"answered {self.status}"


class Verdict(StrEnum):
    """What an answer means: accepted; retry later; or send nothing more to this receiver."""

    TAKEN = "taken"
    AGAIN = "again"
    GONE = "gone"


def verdict_of(answer: Answer) -> Verdict:
    """Return what the answer means; a redirect is a failure, because it is not followed."""
    if answer.status is not None and HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
        return Verdict.TAKEN
    return Verdict.GONE if answer.status == HTTPStatus.GONE else Verdict.AGAIN


def next_try_ms(failures: int, answer: Answer, *, now_ms: int, chance: float) -> int | None:
    """Return when to retry a notification that has failed this many times (1 or more).

    None after the last attempt. `chance`, from 0 to 1, varies the pause. A longer pause that the
    receiver asked for is not varied.
    """
    if failures >= TRIES_MAX:
        return None
    pause_s = PAUSES_S[failures - 1] * (1 - SPREAD + 2 * SPREAD * chance)
    return now_ms + round(max(pause_s, answer.retry_after_s or 0) * 1000)
