"""Asks Stripe once for missed events."""

import re
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from app.domain.fold.records import Payment
from app.domain.stripe_events.event import EventFilter, StripeEvent
from app.domain.stripe_events.read_back import LINE_ITEMS
from app.domain.stripe_events.registered import REGISTERED_TYPES
from app.usecases.failed_reads import FailedReads
from app.usecases.inbox import Inbox
from app.usecases.ports import Alarm, AlertName, AllClear, Clock, say_nothing
from app.usecases.read_back import ReadBack
from app.usecases.read_line_items import ReadLineItems
from app.usecases.reconciliation import ReconciliationState, ReconciliationStore
from app.usecases.record_events import RecordEvents
from app.usecases.records import EventSource
from app.usecases.storage import Database
from app.usecases.stripe_reads import (
    StripeKeyRefusedError,
    StripeMalformedError,
    StripeRateLimitedError,
    StripeReadError,
    StripeReads,
    StripeUnavailableError,
)
from app.usecases.take_read_events import Findings, TakeReadEvents
from app.usecases.wake_events import OnChange

AGE_MAX_S: Final = 30 * 24 * 60 * 60  # Stripe lists events of 30 days (api/events)
TYPES_MAX: Final = 20  # of one call (Stripe: api/events/list)
# In its first minute, an event may still be in delivery, so it does not count as missed.
UNDER_WAY_S: Final = 60


_DOWN: Final = (StripeUnavailableError, StripeRateLimitedError)
_AGE: Final = re.compile(r"([0-9]{1,6})([dhm])")
_UNITS_S: Final[Mapping[str, int]] = {"d": 86_400, "h": 3_600, "m": 60}


def read_since(text: str, now_s: int) -> int:
    """Return the time of an age like `7d`, `12h` or `30m`, in epoch seconds.

    Raises:
        ValueError: it has another form, or is more than 30 days.
    """
    match = _AGE.fullmatch(text)
    age_s = int(match[1]) * _UNITS_S[match[2]] if match else 0
    if not 0 < age_s <= AGE_MAX_S:
        raise ValueError("must be an age like 7d, 12h or 30m, and 30d at most")
    return now_s - age_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What to look for: events created since then, optionally including delivered ones.

    With delivered events, also what Stripe did not have or return before. `state` is how far
    earlier checks read objects back.
    """

    since_s: int
    only_undelivered: bool = True
    state: ReconciliationState = field(default_factory=ReconciliationState)


@dataclass(slots=True)
class Reconciled:
    """A check's result. `missed` counts events that should have been delivered.

    `refused` is the permission that the key lacks; `failure` is why the check stopped early.
    `has_all_events`: every event that was asked for is recorded. `state` is how far objects have
    been read back.
    """

    findings: Findings = field(default_factory=Findings)
    missed: int = 0
    missed_since_s: int | None = None
    refused: str | None = None
    failure: StripeReadError | None = None
    has_all_events: bool = False
    state: ReconciliationState = field(default_factory=ReconciliationState)

    def miss(self, new: Iterable[StripeEvent], *, until_s: int) -> None:
        """Count those that should have been delivered by then."""
        times_s = [each.created_s for each in new if each.created_s is not None]
        missed = [at_s for at_s in times_s if at_s <= until_s]
        self.missed += len(missed)
        earliest = (*missed, *filter(None, [self.missed_since_s]))
        self.missed_since_s = min(earliest, default=None)

    def fail(self, error: StripeReadError) -> None:
        """Take note that a part of the check could not be done."""
        self.findings.fail(str(error))
        self.failure = error
        if isinstance(error, StripeKeyRefusedError):
            self.refused = str(error)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconcile:
    """Checks Stripe, and records what it finds. `on_change` is called with every change.

    `on_failures` is called at the end of a check that could not read everything.
    """

    database: Database
    store: ReconciliationStore
    stripe: StripeReads
    event_filter: EventFilter
    clock: Clock
    alarm: Alarm
    on_change: OnChange
    all_clear: AllClear = say_nothing
    on_failures: Callable[[Findings], None] = lambda _: None

    async def __call__(self, check: Check) -> Reconciled:
        """Check once. Refusals and failures of Stripe are in the result.

        Raises:
            StorageUnavailableError: some of what was found may be recorded.
        """
        result = Reconciled(state=check.state)
        for part in self._parts(check, result):
            try:
                result.state = await part(result.state)
            except StripeReadError as error:
                result.fail(error)
                if isinstance(error, _DOWN):  # otherwise, only this part may be affected
                    break
        if result.findings.failed:
            self.on_failures(result.findings)
        self._tell_of_the_key(result)
        return result

    def _tell_of_the_key(self, result: Reconciled) -> None:
        if result.refused is not None:
            self.alarm(AlertName.STRIPE_KEY_REFUSED, result.refused)
        elif result.failure is None:
            self.all_clear(AlertName.STRIPE_KEY_REFUSED, "Stripe takes the key again")

    def _parts(
        self, check: Check, result: Reconciled
    ) -> Sequence[Callable[[ReconciliationState], Awaitable[ReconciliationState]]]:
        take, everything = self._taking(result.findings), not check.only_undelivered
        failed = FailedReads(self.store, self.clock, result.findings)
        back = ReadBack(self.stripe, self.store, take, self.clock, failed)
        items = ReadLineItems(
            self.stripe, self.store, take, self.clock, failed, even_missing=everything
        )

        def read(object_type: str, object_id: str) -> Awaitable[bool]:
            is_items = object_type == LINE_ITEMS
            return items.read(object_id) if is_items else back.read(object_type, object_id)

        async def missed_events(state: ReconciliationState) -> ReconciliationState:
            await self._missed_events(check, take, result)
            return state

        async def failed_before(state: ReconciliationState) -> ReconciliationState:
            await failed.retry(read, even_early=everything)
            return state

        return (
            missed_events,
            failed_before,
            back.silent_sessions,
            back.ended_sessions,
            back.never_made,
            items,
        )

    def _taking(self, findings: Findings) -> TakeReadEvents:
        def changed(payments: Collection[Payment]) -> None:
            findings.hear(payments)
            self.on_change(payments)

        record = RecordEvents(
            database=self.database,
            clock=self.clock,
            alarm=self.alarm,
            on_change=changed,
        )
        return TakeReadEvents(Inbox(record).put, self.event_filter, findings)

    async def _missed_events(self, check: Check, take: TakeReadEvents, result: Reconciled) -> None:
        until_s = self.clock.now_ms() // 1000 - UNDER_WAY_S
        for types in _groups():
            try:
                async for page in self.stripe.events(
                    types, since_s=check.since_s, only_undelivered=check.only_undelivered
                ):
                    take.findings.seen += len(page)
                    new = await take(page, EventSource.LISTED)
                    result.miss(new, until_s=until_s)
            except StripeMalformedError as error:  # perhaps only of these types
                result.fail(error)
        result.has_all_events = result.failure is None


def _groups() -> Iterator[tuple[str, ...]]:
    for start in range(0, len(REGISTERED_TYPES), TYPES_MAX):
        yield REGISTERED_TYPES[start : start + TYPES_MAX]
