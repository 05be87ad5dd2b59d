"""Reads objects whose events are missing: silent sessions, and events that Stripe gave up.

The result is stored as events, so that replay, rebuild and retention treat it like any other.
"""

from dataclasses import dataclass, replace
from typing import Final

from app.domain.payments.status import PaymentStatus
from app.domain.stripe_events.account import never_made
from app.domain.stripe_events.read_back import events_made_of
from app.usecases.failed_reads import FailedReads, each_that_is_allowed
from app.usecases.ports import Clock
from app.usecases.reconciliation import ReconciliationState, ReconciliationStore, StripeObject
from app.usecases.records import EventSource
from app.usecases.stripe_reads import StripeObjectMissingError, StripeReads
from app.usecases.take_read_events import TakeReadEvents

_MINUTE_MS: Final = 60 * 1000
QUIET_MS: Final = 30 * _MINUTE_MS  # by then, most buyers who pay have paid
# A session ends within 24 hours (Stripe: checkout/sessions/create, expires_at), and sends an event.
ENDED_MS: Final = 25 * 60 * _MINUTE_MS
FAR_BACK_MS: Final = 30 * 24 * 60 * _MINUTE_MS
# One statement reads the checkouts of no more than this time. Their number is not limited: anybody
# can start checkouts, and most of them stay undecided.
LOOK_MS: Final = 24 * 60 * _MINUTE_MS
LATE_COMMIT_MS: Final = _MINUTE_MS  # an event may be committed this long after it was received
READ_MAX: Final = 200  # of a kind in one check; the others follow in the next
_UNDECIDED: Final = frozenset({PaymentStatus.OPEN, PaymentStatus.PROCESSING})


@dataclass(frozen=True, slots=True)
class ReadBack:
    """Reads what is due, in order of time, and returns how far it came."""

    stripe: StripeReads
    store: ReconciliationStore
    take: TakeReadEvents
    clock: Clock
    failed: FailedReads

    async def silent_sessions(self, state: ReconciliationState) -> ReconciliationState:
        """Read sessions without any event within half an hour.

        Raises:
            StripeReadError: Stripe refuses or is down; all are still due.
        """
        now_ms = self.clock.now_ms()
        after_ms = _later(state.open_until_ms, now_ms - ENDED_MS)
        until_ms = await self._sessions(after_ms, now_ms - QUIET_MS, frozenset())
        return replace(state, open_until_ms=until_ms)

    async def ended_sessions(self, state: ReconciliationState) -> ReconciliationState:
        """Read sessions that are still undecided when they must have ended.

        Raises:
            StripeReadError: Stripe refuses or is down; all are still due.
        """
        now_ms = self.clock.now_ms()
        after_ms = _later(state.ended_until_ms, now_ms - FAR_BACK_MS)
        until_ms = await self._sessions(after_ms, now_ms - ENDED_MS, _UNDECIDED)
        return replace(state, ended_until_ms=until_ms)

    async def never_made(self, state: ReconciliationState) -> ReconciliationState:
        """Read objects whose events Stripe could not create.

        Raises:
            StripeReadError: Stripe refuses or is down; all are still due.
        """
        now_ms = self.clock.now_ms()
        after_ms = _later(state.notices_until_ms, now_ms - FAR_BACK_MS) - LATE_COMMIT_MS
        notices = await self.store.notices(after_ms=after_ms, limit=READ_MAX)
        waiting = await self.failed.waiting() if notices else ()
        lost = filter(None, (never_made(notice.event) for notice in notices))
        named = (StripeObject(each.object_type, each.object_id) for each in lost)
        await each_that_is_allowed(
            (each for each in named if each not in waiting), lambda each: self.read(*each)
        )
        until_ms = now_ms
        if len(notices) == READ_MAX:
            until_ms = _further(notices[-1].received_at_ms, after_ms)
        return replace(state, notices_until_ms=until_ms)

    async def read(self, object_type: str, object_id: str) -> bool:
        """Read one object; return False if it is to be read again.

        Raises:
            StripeReadError: Stripe refuses or is down.
        """
        answer = self.stripe.read(object_type, object_id)
        try:
            subject = await self.failed.ask(object_type, object_id, answer)
        except StripeObjectMissingError as error:
            self.take.findings.fail(str(error))
            return True
        if subject is None:
            return False
        events = events_made_of(
            subject,
            now_s=self.clock.now_ms() // 1000,
            livemode=self.take.event_filter.livemode,  # our key reads only its own mode
        )
        await self.take(events, EventSource.READ)
        return True

    async def _sessions(
        self, after_ms: int, until_ms: int, statuses: frozenset[PaymentStatus]
    ) -> int:
        """Read some sessions of a time range; return up to when all of them are read."""
        read = 0
        while after_ms < until_ms and read < READ_MAX:
            look_until_ms = min(after_ms + LOOK_MS, until_ms)
            found = await self.store.sessions_left(
                after_ms=after_ms, until_ms=look_until_ms, statuses=statuses, limit=READ_MAX
            )
            for left in found:
                await self.read("checkout.session", left.session_id)
            if len(found) == READ_MAX:  # others of the last millisecond may follow
                return max(found[-1].created_at_ms - 1, after_ms + 1)
            after_ms, read = look_until_ms, read + len(found)
        return after_ms


def _further(last_ms: int, after_ms: int) -> int:
    """Return where the next check continues after `last_ms`: further than this one began.

    It looks back for late commits. If more than a page came within that time, it would read the
    same page again, forever.
    """
    if last_ms - LATE_COMMIT_MS > after_ms:
        return last_ms
    return max(last_ms - 1, after_ms + 1) + LATE_COMMIT_MS


def _later(kept_ms: int | None, earliest_ms: int) -> int:
    return earliest_ms if kept_ms is None else max(kept_ms, earliest_ms)
