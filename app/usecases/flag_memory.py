"""Stores which flags were reported and which were seen, so that each is reported once."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from app.domain.notifications.notification import NewNotification
from app.usecases.orders import FlagCause, OrderDatabase


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedCause:
    """A reported cause of a flag. `remind_at_ms` is when to report it again.

    `notification` is for the shop's systems, unless the fold has stored one.
    """

    cause: FlagCause
    told_at_ms: int
    remind_at_ms: int | None
    notification: NewNotification | None = None


class FlagMemory(OrderDatabase, Protocol):
    """Storage of reported and seen flags."""

    async def see_flags(self, seen: Collection[FlagCause], *, at_ms: int) -> None:
        """Store that an operator has seen these.

        Raises:
            StorageUnavailableError: it is not kept.
        """
        ...

    async def report_flags(self, reported: Collection[ReportedCause]) -> Collection[FlagCause]:
        """Store that these are reported; return those that no process has reported before.

        The notifications of those are stored in the same transaction.

        Raises:
            StorageUnavailableError: none is kept.
        """
        ...

    async def due_reminders(self, *, now_ms: int, limit: int) -> Sequence[ReportedCause]:
        """Return what is due to be reported again.

        Raises:
            StorageUnavailableError: the database cannot be read.
        """
        ...

    async def move_reminder(self, reported: ReportedCause, *, to_ms: int | None) -> bool:
        """Change the time of the reminder, or remove it; False if another process did so before.

        Raises:
            StorageUnavailableError: it stays as it is.
        """
        ...
