"""Monitors the shop's receiver, alerts the owner, and counts waiting notifications."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from app.domain.errors import StorageUnavailableError
from app.domain.moments import rfc3339
from app.usecases.outbox import Backlog, Outbox
from app.usecases.ports import Alarm, AlertName, AllClear, Clock, ShowAlert
from app.usecases.receiver_state import PauseReason, ReceiverState

EVERY_S: Final = 2.0
BACKLOG_EVERY: Final = 5  # checks; counting reads every waiting notification
FAILING_MS: Final = 3_600_000
REPEAT_MS: Final = 60 * 60 * 1000  # a reminder

_WHY_PAUSED: Final = {
    PauseReason.GONE: "the receiver answered 410 (gone)",
    PauseReason.OPERATOR: "somebody paused them",
}


@dataclass(slots=True, kw_only=True)
class WatchReceiver:
    """Checks the receiver's state every few seconds, in every replica."""

    outbox: Outbox
    clock: Clock
    alarm: Alarm
    all_clear: AllClear
    show: ShowAlert
    on_backlog: Callable[[Backlog], None]
    every_s: float = EVERY_S
    _told_at_ms: dict[AlertName, int] = field(default_factory=dict)

    async def run(self) -> None:
        """Monitor until canceled."""
        looks = 0
        while True:
            with contextlib.suppress(StorageUnavailableError):  # already reported
                self.judge(await self.outbox.receiver())
                if looks % BACKLOG_EVERY == 0:
                    self.on_backlog(await self.outbox.backlog())
            looks += 1
            await asyncio.sleep(self.every_s)

    def judge(self, receiver: ReceiverState) -> None:
        """Report a problem while it lasts, and once that it is over."""
        paused = _why_paused(receiver)
        failing = None if paused else self._why_failing(receiver)
        self._alert(AlertName.NOTIFICATIONS_PAUSED, paused, "notifications are sent again")
        self._alert(AlertName.NOTIFICATIONS_FAILING, failing, "the receiver accepts notifications")

    def _why_failing(self, receiver: ReceiverState) -> str | None:
        since_ms = receiver.failing_since_ms
        if since_ms is None or self.clock.now_ms() - since_ms < FAILING_MS:
            return None
        status = receiver.last_http_status
        answer = "it last gave no answer" if status is None else f"it last answered {status}"
        return f"the receiver has accepted no notification since {rfc3339(since_ms)}; {answer}"

    def _alert(self, name: AlertName, trouble: str | None, over: str) -> None:
        """Report it once and as a reminder; the first may not be sent so soon after another."""
        self.show(name, is_active=trouble is not None)
        now_ms = self.clock.now_ms()
        if trouble:
            if now_ms - self._told_at_ms.get(name, -REPEAT_MS) >= REPEAT_MS:
                self._told_at_ms[name] = now_ms
                self.alarm(name, trouble)
        elif self._told_at_ms.pop(name, None) is not None:
            self.all_clear(name, over)


def _why_paused(receiver: ReceiverState) -> str | None:
    if receiver.pause_reason is None:
        return None
    return (
        f"notifications are paused: {_WHY_PAUSED[receiver.pause_reason]}; new ones wait until "
        "altan-checkout notifications resume"
    )
