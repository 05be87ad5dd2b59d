"""Says in the demo's terminal when the receiver of `--notify-url` refuses and accepts again.

The service itself reports a receiver only after an hour, which is too late for somebody who tries.
"""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

EVERY_S: Final = 1.0

_STATE: Final = "SELECT failures, last_http_status, pause_reason FROM notification_delivery"


class ReceiverWatch:
    """Reads the receiver's state in the demo's database, and says what has changed.

    `receiver` is its origin, because the rest of its address may be a secret; `resume` is the
    command that sends again after a 410.
    """

    def __init__(
        self,
        database_path: Path,
        *,
        receiver: str,
        resume: str,
        say: Callable[[str], None],
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database_path = database_path
        self._receiver = receiver
        self._resume = resume
        self._say = say
        self._clock_s = clock_s
        self._next_look_s = clock_s()
        self._said: str | None = None
        failures, *_ = self._state()
        self._failures_before = failures

    def look(self) -> None:
        """Say a change, at most once a second."""
        now_s = self._clock_s()
        if now_s < self._next_look_s:
            return
        self._next_look_s = now_s + EVERY_S
        failures, status, is_gone = self._state()
        if failures == self._failures_before and self._said is None and not is_gone:
            return  # nothing was tried since the demo before
        self._failures_before = 0
        problem = self._problem(status, is_gone=is_gone) if failures or is_gone else None
        if problem != self._said:
            self._say(problem or f"{self._receiver} accepts notifications.")
            self._said = problem

    def _state(self) -> tuple[int, int | None, bool]:
        """Return the failures in a row, the last answer's status, and whether it was a 410."""
        address = f"{self._database_path.absolute().as_uri()}?mode=ro"
        with suppress(sqlite3.Error), closing(sqlite3.connect(address, uri=True)) as database:
            row = database.execute(_STATE).fetchone()
            if row:
                return row[0], row[1], row[2] == "gone"
        return 0, None, False

    def _problem(self, status: int | None, *, is_gone: bool) -> str:
        if is_gone:
            return f"{self._receiver} answered 410, so nothing is sent until {self._resume}"
        if status is None:
            return f"{self._receiver} does not answer: is your server running?"
        return f"{self._receiver} answered {status}: {_what_to_check(status)}"


def _what_to_check(status: int) -> str:
    if status in (400, 401, 403):
        return "check NOTIFY_SECRET"
    if status in (404, 405):
        return "check the path of --notify-url"
    return "see your server's own output"
