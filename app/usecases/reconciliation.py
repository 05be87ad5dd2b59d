"""The state between checks of Stripe, and which process checks: the port and its values."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

from app.domain.payments.status import PaymentStatus
from app.domain.stripe_events.event import StripeEvent
from app.usecases.payment_lookup import PaymentDatabase


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconciliationState:
    """How far earlier checks came; None before the first. Times are by our clock.

    `looked_until_s`: events created before this were checked. `whole_look_at_ms`: when all events
    that Stripe stores were last checked. `open_until_ms` and `ended_until_ms`: checkouts
    started before that have been looked at, while their sessions were open and when they had ended.
    `notices_until_ms`: notices of events that were never made, received before that, are done.
    """

    looked_until_s: int | None = None
    whole_look_at_ms: int | None = None
    open_until_ms: int | None = None
    ended_until_ms: int | None = None
    notices_until_ms: int | None = None

    def known_at(self, now_ms: int) -> "ReconciliationState":
        """Return the state without times in the future, of a clock that was set back since.

        What was left out because of it is then looked at again.
        """
        times_ms = {name: getattr(self, name) for name in self.__slots__ if name.endswith("_ms")}
        later = {name for name, at_ms in times_ms.items() if at_ms is not None and at_ms > now_ms}
        if self.looked_until_s is not None and self.looked_until_s * 1000 > now_ms:
            later.add("looked_until_s")
        return replace(self, **dict.fromkeys(later))

    def compared_at_s(self, begun_at_ms: int) -> int | None:
        """Return when something that began then was last compared; None if it was not yet."""
        at_s = self.looked_until_s
        return at_s if at_s is not None and at_s * 1000 >= begun_at_ms else None


class SessionLeft(NamedTuple):
    """A session that may be undecided, and when its checkout was started."""

    session_id: str
    created_at_ms: int


class ReceivedNotice(NamedTuple):
    """A notice that events were not made."""

    event: StripeEvent
    received_at_ms: int


class StripeObject(NamedTuple):
    """An object at Stripe, like a `refund`, by its type and id."""

    object_type: str
    object_id: str


class ReconciliationStore(PaymentDatabase, Protocol):
    """Keeps the state of the checks, and finds what they are about.

    Each method raises `StorageUnavailableError`.
    """

    async def reconciliation_state(self) -> ReconciliationState:
        """Return the latest state."""
        ...

    async def lead_reconciliation(
        self, holder: str, *, now_ms: int, until_ms: int, latest_ms: int
    ) -> bool:
        """Let only `holder` check until then; False while another one may.

        Who may for longer than until `latest_ms` had a clock that was wrong, and may not.
        """
        ...

    async def keep_reconciliation(
        self, holder: str, state: ReconciliationState, *, until_ms: int
    ) -> None:
        """Store the state after a check; others may check after `until_ms`."""
        ...

    async def sessions_left(
        self, *, after_ms: int, until_ms: int, statuses: Collection[PaymentStatus], limit: int
    ) -> Sequence[SessionLeft]:
        """The sessions of checkouts started in that time, first to last.

        Those without any event, and those whose payment has one of these statuses.
        """
        ...

    async def without_line_items(
        self, *, after_ms: int, even_missing: bool, limit: int
    ) -> Sequence[str]:
        """The sessions created after that which are paid, and whose line items were not asked for.

        With `even_missing`, also those whose line items Stripe did not have or did not return.
        """
        ...

    async def notices(self, *, after_ms: int, limit: int) -> Sequence[ReceivedNotice]:
        """The notices received after that of events that were never made, first to last."""
        ...

    async def put_off_read(
        self, object_type: str, object_id: str, *, now_ms: int, due_ms: int
    ) -> int:
        """Let an object be read again then, and later by as long as it has failed already.

        Returns since when it fails.
        """
        ...

    async def failed_reads(self, *, due_by_ms: int, limit: int) -> Sequence[StripeObject]:
        """Those to be read again by then, the first due first."""
        ...

    async def forget_failed_read(self, read: StripeObject) -> None:
        """Never read it again."""
        ...

    async def leave_reconciliation(self, holder: str) -> None:
        """Let others check at once."""
        ...
