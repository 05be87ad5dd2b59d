"""Retries what Stripe did not return, one object at a time, so that none stops the others."""

from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Final, TypeVar

from app.usecases.ports import Clock
from app.usecases.reconciliation import ReconciliationStore, StripeObject
from app.usecases.stripe_reads import (
    StripeKeyRefusedError,
    StripeObjectMissingError,
    StripeRateLimitedError,
    StripeReadError,
    StripeUnavailableError,
)
from app.usecases.take_read_events import Findings

T = TypeVar("T")

FIRST_PAUSE_MS: Final = 60 * 1000  # doubles each time
GIVE_UP_MS: Final = 3 * 24 * 60 * 60 * 1000  # how long Stripe retries a delivery (webhooks)
RETRY_MAX: Final = 200  # in one check; the others follow in the next
DOWN_AFTER: Final = 3  # objects in a row without an answer: then Stripe is down
WHENEVER_MS: Final = 2**62  # later than anything is due


@dataclass(slots=True)
class FailedReads:
    """Asks for single objects, and remembers which to ask for again."""

    store: ReconciliationStore
    clock: Clock
    findings: Findings
    _unanswered: int = field(default=0, init=False)

    async def ask(self, object_type: str, object_id: str, answer: Awaitable[T]) -> T | None:
        """Return what Stripe answers; None if it is to be asked for again.

        Raises:
            StripeObjectMissingError: Stripe does not have it, or has failed to return it for days.
            StripeReadError: Stripe refuses or is down, so others need not be asked for, either.
        """
        self.findings.seen += 1
        try:
            found = await answer
        except (StripeObjectMissingError, StripeKeyRefusedError, StripeRateLimitedError):
            self._unanswered = 0
            raise
        except StripeReadError as error:
            is_answer = not isinstance(error, StripeUnavailableError)
            self._unanswered = 0 if is_answer else self._unanswered + 1
            if self._unanswered == DOWN_AFTER:
                raise
            await self._put_off(object_type, object_id, f"{object_type} {object_id}: {error}")
            return None
        self._unanswered = 0
        return found

    async def retry(
        self, read: Callable[[str, str], Awaitable[bool]], *, even_early: bool = False
    ) -> None:
        """Read what is due again, by its type and id; `read` returns whether it is done.

        Raises:
            StripeReadError: some could not be read; they are still due.
        """

        async def read_again(failed: StripeObject) -> None:
            if await read(failed.object_type, failed.object_id):
                await self.store.forget_failed_read(failed)

        due_by_ms = WHENEVER_MS if even_early else self.clock.now_ms()
        due = await self.store.failed_reads(due_by_ms=due_by_ms, limit=RETRY_MAX)
        await each_that_is_allowed(due, read_again)

    async def waiting(self) -> Collection[StripeObject]:
        """Return what is to be read again, sooner or later."""
        return set(await self.store.failed_reads(due_by_ms=WHENEVER_MS, limit=RETRY_MAX))

    async def _put_off(self, object_type: str, object_id: str, reason: str) -> None:
        now_ms = self.clock.now_ms()
        since_ms = await self.store.put_off_read(
            object_type, object_id, now_ms=now_ms, due_ms=now_ms + FIRST_PAUSE_MS
        )
        if now_ms - since_ms >= GIVE_UP_MS:
            raise StripeObjectMissingError(f"{reason}; given up after 3 days")
        self.findings.fail(reason)


async def each_that_is_allowed(
    objects: Iterable[StripeObject], read: Callable[[StripeObject], Awaitable[object]]
) -> None:
    """Read objects of several types, even if the key lacks the permission for some of them.

    Raises:
        StripeReadError: Stripe is down, or the key was refused for a type.
    """
    refused: dict[str, StripeKeyRefusedError] = {}
    for each in objects:
        if each.object_type not in refused:
            try:
                await read(each)
            except StripeKeyRefusedError as error:
                refused[each.object_type] = error
    for refusal in refused.values():
        raise refusal
