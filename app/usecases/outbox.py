"""The outbox: notifications that were committed with the change they tell about.

What is told is decided in `domain/notifications`, and written by the fold. The sender leases what
is due and settles each try; the feed, the command line and the console read.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, NamedTuple, Protocol

from app.domain.notifications.notices import PaidInvoice
from app.domain.notifications.notification import NewNotification
from app.domain.notifications.types import NotificationType

FAILURES_MAX: Final = 5  # in a row; from then on the receiver is only probed


class Delivery(StrEnum):
    """How far the posting of a notification has come.

    `unposted`: it is only in the feed. `waiting`: it is due now or later, or being sent.
    """

    UNPOSTED = "unposted"
    WAITING = "waiting"
    TAKEN = "taken"
    FAILED = "failed"


class Position(NamedTuple):
    """Where a notification is in the feed: by the transaction that wrote it, then by number.

    The number alone would not do: a transaction may take its number early and commit late.
    """

    tx: int
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """Which new notifications are posted; all of them are in the feed.

    `includes_foreign`: also those of sessions that this service did not start.
    """

    is_on: bool = False
    includes_foreign: bool = False

    def includes(self, new: NewNotification) -> bool:
        """Whether this one is posted."""
        return self.is_on and (self.includes_foreign or new.order_id != new.session_id)


NOTHING_POSTED: Final = Posting()


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """A notification as it is kept. Its body is rendered from the order when it is read.

    `attempts` counts tries since it was first due, or was resent. `due_at_ms` is None unless it is
    waiting. `leased_until_ms` is set while a sender has it.
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

    @property
    def is_ahead(self) -> bool:
        """Whether it was leased ahead of its time, to probe the receiver."""
        return (self.due_at_ms or 0) > (self.leased_until_ms or 0)


class TryResult(StrEnum):
    """What a try led to. `again`: it waits for another try."""

    TAKEN = "taken"
    AGAIN = "again"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One try at posting a notification.

    `http_status` is None if there was no answer; then `problem` says why in a few words, without
    addresses or anything that the receiver sent.
    """

    notification_id: str
    at_ms: int
    duration_ms: int
    http_status: int | None
    problem: str | None
    result: TryResult


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledTry:
    """A try, and the lease that it ends. `due_at_ms` is when to try again; only for `again`.

    `not_before_ms`: until then the receiver wants no probe. `is_counted` is false for a try ahead
    of its time, which takes none of the notification's tries.
    If the lease has been lost, to another sender or to a resend, the try is only recorded.
    """

    tried: Try
    leased_until_ms: int
    due_at_ms: int | None = None
    not_before_ms: int | None = None
    is_counted: bool = True


class PauseReason(StrEnum):
    """Why nothing is sent."""

    OPERATOR = "operator"
    GONE = "gone"  # the receiver answered 410


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """What all replicas know of the receiver. `failures` counts failed tries in a row.

    `failing_since_ms` is when the first of them was; `last_http_status` is of the last try, None
    if it got no answer.
    """

    paused_at_ms: int | None = None
    pause_reason: PauseReason | None = None
    failures: int = 0
    failing_since_ms: int | None = None
    last_http_status: int | None = None
    last_taken_at_ms: int | None = None

    @property
    def is_paused(self) -> bool:
        """Whether nothing may be sent."""
        return self.paused_at_ms is not None

    @property
    def is_only_probed(self) -> bool:
        """Whether it has failed so often that one notification at a time is enough."""
        return self.failures >= FAILURES_MAX

    def after(self, tries: Iterable[Try]) -> "Receiver":
        """The same after these tries, in the order of their ends."""
        known = self
        for each in sorted(tries, key=lambda tried: tried.at_ms + tried.duration_ms):
            if each.result is TryResult.TAKEN:
                known = replace(
                    known,
                    failures=0,
                    failing_since_ms=None,
                    last_taken_at_ms=each.at_ms + each.duration_ms,
                )
            else:
                since_ms = known.failing_since_ms
                known = replace(
                    known,
                    failures=known.failures + 1,
                    failing_since_ms=each.at_ms if since_ms is None else since_ms,
                )
            known = replace(known, last_http_status=each.http_status)
        return known


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What waits to be sent, and when the oldest of it was committed; and what has failed."""

    waiting: int
    oldest_at_ms: int | None
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationQuery:
    """Which notifications an operator wants to see; the latest first, those before `before_seq`."""

    delivery: Delivery | None = None
    order_id: str | None = None
    before_seq: int | None = None
    limit: int = 50


class Outbox(Protocol):
    """Where notifications wait to be sent. Each method is one transaction.

    All of them raise `StorageUnavailableError` if the database cannot be read or written.
    """

    async def lease_notifications(
        self, *, now_ms: int, limit: int, lease_ms: int, probe_every_ms: int
    ) -> Sequence[Notification]:
        """Take due notifications to send, oldest first: nobody else gets them until the lease ends.

        None while paused. Of an order only the first that waits, unless its third try has failed.
        After `FAILURES_MAX` failures in a row one is leased every `probe_every_ms`, by whichever
        replica asks first: one that is due, or else one of the next ahead of its time.
        """
        ...

    async def settle_tries(self, settled: Collection[SettledTry]) -> None:
        """Record tries and end their leases.

        The first one that is taken after `FAILURES_MAX` failures makes all due that have failed.
        """
        ...

    async def release_notifications(self, leased: Collection[Notification]) -> None:
        """Give back what was leased and not tried: it is due at once, and no try is counted."""
        ...

    async def next_due_ms(self) -> int | None:
        """When the next notification is due, or its lease ends; None if nothing waits, or paused.

        While the receiver is only probed, when the next probe is.
        """
        ...

    async def receiver(self) -> Receiver:
        """How the receiver is doing, as all replicas have seen it."""
        ...

    async def pause_notifications(self, reason: PauseReason, *, at_ms: int) -> None:
        """Stop sending; a pause that is there already stays as it is."""
        ...

    async def resume_notifications(self, *, at_ms: int) -> None:
        """Send again, and make everything due that waits."""
        ...

    async def backlog(self) -> Backlog:
        """What waits and what has failed."""
        ...

    async def list_notifications(self, wanted: NotificationQuery) -> Sequence[Notification]:
        """Notifications for an operator, the latest first."""
        ...

    async def find_notification(
        self, notification_id: str
    ) -> tuple[Notification, Sequence[Try]] | None:
        """One notification and its tries, the earliest first; None if there is none of that id."""
        ...

    async def resend_notification(self, notification_id: str, *, at_ms: int) -> bool:
        """Make a notification due once more, with all its tries; False if there is none."""
        ...
