"""The outbox: notifications that are committed together with the change they report.

`domain/notifications` decides what to report, and the fold writes it. The sender leases due
notifications and settles each attempt; the feed, the command line and the console read.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple, Protocol

from app.domain.notifications.notices import PaidInvoice
from app.domain.notifications.notification import NewNotification
from app.domain.notifications.types import NotificationType
from app.usecases.notification_tries import SettledTry, Try
from app.usecases.receiver_state import PauseReason, ReceiverState


class Delivery(StrEnum):
    """The state of posting a notification.

    `unposted`: it is only in the feed. `waiting`: it is due now or later, or being sent.
    """

    UNPOSTED = "unposted"
    WAITING = "waiting"
    TAKEN = "taken"
    FAILED = "failed"


class Position(NamedTuple):
    """A notification's position in the feed: the transaction that wrote it, then its number.

    The number alone is not enough, because a transaction may take it early and commit late.
    """

    tx: int
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """Which new notifications are stored, and which of those are posted.

    `is_kept` is False if nobody can ever read them: nothing is posted, no token opens the feed, and
    there is no orders table to follow it.
    `includes_foreign`: also post those of sessions that this service did not start. `has_table`:
    also store silent changes, for the orders table.
    """

    is_kept: bool = True
    is_on: bool = False
    includes_foreign: bool = False
    has_table: bool = False

    def includes(self, new: NewNotification) -> bool:
        """Whether this one is posted."""
        is_ours = self.includes_foreign or new.order_id != new.session_id
        return self.is_on and is_ours and new.type.is_public


NOTHING_POSTED: Final = Posting()


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """A stored notification. Its body is built from the order when it is read.

    `attempts` counts attempts since it was first due, or was resent. `due_at_ms` is None unless it
    is waiting. `leased_until_ms` is set while a sender has it. `planned_at_ms` is set while it is
    sent sooner than its schedule says: it is when it was due.
    """

    id: str
    position: Position
    session_id: str
    order_id: str
    type: NotificationType
    cause: str
    at_ms: int
    invoice: PaidInvoice | None
    delivery: Delivery
    attempts: int
    due_at_ms: int | None
    leased_until_ms: int | None
    planned_at_ms: int | None = None

    def is_ahead(self, at_ms: int) -> bool:
        """Whether an attempt at that moment is sooner than planned, so that it does not count."""
        return self.planned_at_ms is not None and at_ms < self.planned_at_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """How many notifications wait, when the oldest was committed, and how many failed."""

    waiting: int
    oldest_at_ms: int | None
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationQuery:
    """An operator's filter of notifications; the latest first, those before `before_seq`."""

    delivery: Delivery | None = None
    order_id: str | None = None
    before_seq: int | None = None
    limit: int = 50


class Outbox(Protocol):
    """Storage of notifications to be sent. Each method is one transaction.

    All of them raise `StorageUnavailableError` if the database cannot be read or written.
    """

    async def lease_notifications(
        self, *, now_ms: int, limit: int, lease_ms: int, probe_every_ms: int
    ) -> Sequence[Notification]:
        """Lease due notifications, oldest first; no other process gets them until the lease ends.

        None while paused. Of an order only the first that waits, unless its third try has failed.
        After `FAILURES_MAX` failures in a row one is leased every `probe_every_ms`, by whichever
        replica asks first: one that is due, or else one of the next ahead of its time.
        """
        ...

    async def settle_tries(self, settled: Collection[SettledTry]) -> None:
        """Record attempts and end their leases.

        The first one that is taken after `FAILURES_MAX` failures makes all due that have failed.
        """
        ...

    async def release_notifications(self, leased: Collection[Notification]) -> None:
        """Return leased notifications that were not attempted; they are due at once."""
        ...

    async def next_due_ms(self) -> int | None:
        """Return when the next one is due or its lease ends; None if nothing waits, or paused.

        While the receiver is only probed, when the next probe is.
        """
        ...

    async def receiver(self) -> ReceiverState:
        """Return the receiver's state, as seen by all replicas."""
        ...

    async def pause_notifications(self, reason: PauseReason, *, at_ms: int) -> None:
        """Stop sending; an existing pause does not change."""
        ...

    async def resume_notifications(self, *, at_ms: int) -> None:
        """Resume sending, and make all waiting notifications due."""
        ...

    async def backlog(self) -> Backlog:
        """Return what waits and what has failed."""
        ...

    async def list_notifications(self, wanted: NotificationQuery) -> Sequence[Notification]:
        """Return notifications for an operator, the latest first."""
        ...

    async def find_notification(
        self, notification_id: str
    ) -> tuple[Notification, Sequence[Try]] | None:
        """Return a notification and its attempts, the oldest first; None if it is unknown."""
        ...

    async def tries_of(self, notification_ids: Collection[str]) -> Sequence[Try]:
        """Return all attempts to post these notifications, the oldest first."""
        ...

    async def resend_notification(self, notification_id: str, *, at_ms: int) -> bool:
        """Make a notification due again, with all attempts; False if it is unknown."""
        ...
