"""What `altan-checkout doctor` reports about reconciliation: when it was last complete."""

import time
from collections.abc import Iterator, Sequence
from typing import Final

from app.commands.doctor_database import has_database, read_database
from app.commands.findings import Finding, Verdict
from app.domain.errors import StorageUnavailableError
from app.domain.moments import rfc3339_of
from app.settings.settings import Settings
from app.usecases.failed_reads import WHENEVER_MS
from app.usecases.reconciliation import ReconciliationState, StripeObject

_SUBJECT: Final = "reconciliation"
_SHOWN_MAX: Final = 100
_LATE_S: Final = 15 * 60  # after a failure, the next check comes within 5 minutes


def reconciliation_of(settings: Settings) -> Iterator[Finding]:
    """Yield what is known; nothing without a key, or if the database does not exist yet."""
    if settings.stripe_api_key is None:
        return
    if settings.reconcile_every_s is None:
        yield Finding(_SUBJECT, Verdict.WARNING, "is off: RECONCILE_EVERY_S")
        return
    if not has_database(settings):
        return
    try:
        state = read_database(settings, lambda database: database.reconciliation_state())
        failed = read_database(
            settings,
            lambda database: database.failed_reads(due_by_ms=WHENEVER_MS, limit=_SHOWN_MAX),
        )
    except StorageUnavailableError as error:
        yield Finding(_SUBJECT, Verdict.WARNING, f"not known: {error.detail}")
    else:
        late_s = settings.reconcile_every_s * 2 + _LATE_S
        yield judge_check(state, now_s=int(time.time()), late_s=late_s)
        if failed:
            yield judge_failed(failed)


def judge_failed(failed: Sequence[StripeObject]) -> Finding:
    """Say how many objects Stripe does not return, and name one."""
    number = f"{len(failed)} or more" if len(failed) == _SHOWN_MAX else len(failed)
    first = f"{failed[0].object_type} {failed[0].object_id}"
    message = f"not read at Stripe, and read again: {number}, such as {first}. The log has reasons"
    return Finding(_SUBJECT, Verdict.WARNING, message)


def judge_check(state: ReconciliationState, *, now_s: int, late_s: int) -> Finding:
    """Warn if no check was complete for longer than `late_s`."""
    at_s = state.looked_until_s
    if at_s is None:
        message = "no check of Stripe is complete yet: start the service, and look at its log"
        return Finding(_SUBJECT, Verdict.WARNING, message)
    message = f"agrees with Stripe as of {rfc3339_of(at_s)}"
    if now_s - at_s > late_s:
        message += ", which is long ago: is the service running, and Stripe's API reachable?"
        return Finding(_SUBJECT, Verdict.WARNING, message)
    return Finding(_SUBJECT, Verdict.OK, message)
