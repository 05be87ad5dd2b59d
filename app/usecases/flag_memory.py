"""What the owner was told of flags, and what operators have seen: kept, so that it is said once."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from app.usecases.orders import FlagCause, OrderDatabase


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldCause:
    """A cause of a flag that the owner was told of. `remind_at_ms`: when to tell it again."""

    cause: FlagCause
    told_at_ms: int
    remind_at_ms: int | None


class FlagMemory(OrderDatabase, Protocol):
    """Where this is kept, beside the orders."""

    async def see_flags(self, seen: Collection[FlagCause], *, at_ms: int) -> None:
        """Keep that an operator has seen these.

        Raises:
            StorageUnavailableError: it is not kept.
        """
        ...

    async def tell_flags(self, told: Collection[ToldCause]) -> Collection[FlagCause]:
        """Keep that the owner is told of these; those that no process has told before.

        Raises:
            StorageUnavailableError: none is kept.
        """
        ...

    async def due_reminders(self, *, now_ms: int, limit: int) -> Sequence[ToldCause]:
        """What is to be told again by now.

        Raises:
            StorageUnavailableError: the database cannot be read.
        """
        ...

    async def move_reminder(self, told: ToldCause, *, to_ms: int | None) -> bool:
        """Remind at another time, or never; False where another process has moved it already.

        Raises:
            StorageUnavailableError: it stays as it is.
        """
        ...
