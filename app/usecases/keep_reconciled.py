"""Checks Stripe for missed events periodically, in one of all replicas.

If Stripe refuses or fails, nothing else is affected; the next check catches up.
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from app.domain.errors import StorageUnavailableError
from app.domain.moments import rfc3339_of
from app.usecases.ports import Alarm, AlertName, AllClear, Clock
from app.usecases.reconcile import AGE_MAX_S, Check, Reconcile, Reconciled
from app.usecases.reconciliation import ReconciliationState, ReconciliationStore

DAY_S: Final = 24 * 60 * 60
OVERLAP_S: Final = 3 * DAY_S  # how long Stripe tries to deliver an event (webhooks)
LEASE_S: Final = 60  # of a crashed leader; two concurrent checks do no harm
RENEW_EVERY_S: Final = 20.0  # during a check, which may take minutes
FIRST_PAUSE_S: Final = 5.0  # after a failure; doubles each time
PAUSE_MAX_S: Final = 300.0
RETRY_AFTER_MAX_S: Final = 3600.0


@dataclass(slots=True, kw_only=True)
class KeepReconciled:
    """One check every `every_s`. `holder` is a unique name of this process.

    `on_checked` is called with the time up to which events have been checked, by any process, in
    epoch seconds.
    """

    reconcile: Reconcile
    store: ReconciliationStore
    clock: Clock
    alarm: Alarm
    all_clear: AllClear
    holder: str
    every_s: float
    on_checked: Callable[[int], None]
    renew_every_s: float = RENEW_EVERY_S
    _failures: int = field(default=0, init=False)

    async def run(self) -> None:
        """Check now and periodically; hand over at the end."""
        try:
            while True:
                pause_s = self.every_s
                with contextlib.suppress(StorageUnavailableError):  # already reported
                    pause_s = await self()
                await asyncio.sleep(pause_s)
        finally:
            with contextlib.suppress(StorageUnavailableError):
                await self.store.leave_reconciliation(self.holder)

    async def __call__(self) -> float:
        """Check once, if no other process does; return the seconds until the next check.

        Raises:
            StorageUnavailableError: the result of this check is not stored.
        """
        now_ms = self.clock.now_ms()
        if not await self._lead():
            self._tell_time(await self.store.reconciliation_state())
            return self.every_s
        state = (await self.store.reconciliation_state()).known_at(now_ms)
        self._tell_time(state)  # a check may take minutes
        result = await self._check(Check(since_s=_since_s(state, now_ms), state=state))
        state = _after(result.state, now_ms) if result.has_all_events else result.state
        pause_s = self._pause_s(result)
        next_ms = self.clock.now_ms() + int(pause_s * 1000)
        await self.store.keep_reconciliation(self.holder, state, until_ms=next_ms)
        self._alert(result)
        self._tell_time(state)
        return pause_s

    def _tell_time(self, state: ReconciliationState) -> None:
        if state.looked_until_s is not None:
            self.on_checked(state.looked_until_s)

    async def _lead(self) -> bool:
        now_ms = self.clock.now_ms()
        until_ms = now_ms + LEASE_S * 1000
        latest_ms = now_ms + DAY_S * 1000 + int(self.every_s * 1000)
        return await self.store.lead_reconciliation(
            self.holder, now_ms=now_ms, until_ms=until_ms, latest_ms=latest_ms
        )

    async def _check(self, check: Check) -> Reconciled:
        """Check, and stay the leader meanwhile."""
        renewing = asyncio.create_task(self._renew())
        try:
            return await self.reconcile(check)
        finally:
            renewing.cancel()
            await asyncio.wait([renewing])

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self.renew_every_s)
            with contextlib.suppress(StorageUnavailableError):
                await self._lead()

    def _pause_s(self, result: Reconciled) -> float:
        if result.failure is None:
            self._failures = 0
            return self.every_s
        self._failures += 1
        if result.failure.retry_after_s is not None:
            return min(result.failure.retry_after_s, RETRY_AFTER_MAX_S)
        first_s = min(FIRST_PAUSE_S, self.every_s)
        return min(first_s * 2.0 ** min(self._failures - 1, 30), PAUSE_MAX_S)

    def _alert(self, result: Reconciled) -> None:
        if result.missed:
            self.alarm(AlertName.EVENTS_WERE_MISSED, _missed(result))
        elif result.failure is None:
            self.all_clear(AlertName.EVENTS_WERE_MISSED, "the last check found no missed event")


def _missed(result: Reconciled) -> str:
    first = rfc3339_of(result.missed_since_s)
    if result.missed == 1:
        return f"1 event was not delivered and was fetched from Stripe; it is of {first}"
    fetched = f"{result.missed} events were not delivered and were fetched from Stripe"
    return f"{fetched}; the first is of {first}"


def _since_s(state: ReconciliationState, now_ms: int) -> int:
    """Return the range: everything at first and daily, else what is new or still retried."""
    now_s = now_ms // 1000
    if state.looked_until_s is None or _is_whole(state, now_ms):
        return now_s - AGE_MAX_S
    return max(state.looked_until_s - OVERLAP_S, now_s - AGE_MAX_S)


def _is_whole(state: ReconciliationState, now_ms: int) -> bool:
    whole_ms = state.whole_look_at_ms
    return whole_ms is None or now_ms - whole_ms >= DAY_S * 1000


def _after(state: ReconciliationState, began_ms: int) -> ReconciliationState:
    whole_ms = began_ms if _is_whole(state, began_ms) else state.whole_look_at_ms
    return replace(state, looked_until_s=began_ms // 1000, whole_look_at_ms=whole_ms)
