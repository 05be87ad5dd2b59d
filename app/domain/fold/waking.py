"""Limits how many stored events one transaction wakes, and what it leaves for the next."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from app.domain.fold.records import Wake

# For one transaction: a few ms of SQLite's writer. A payload has at most 1 MiB.
WAKE_MAX: Final = 100
WAKES_AT_ONCE: Final = 32


@dataclass(slots=True)
class Waking:
    """How much one transaction may wake, and what it leaves for the next.

    `stored` are wakes of earlier transactions to continue with, already locked. `tried` is how far
    the last one was read, `read` the total number of events read. `contended` are ids that another
    transaction has locked.
    """

    events_max: int = WAKE_MAX
    stored: Sequence[Wake] = ()
    left: dict[str, Wake] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    tried: Wake | None = None
    contended: set[str] = field(default_factory=set)
    read: int = 0

    @property
    def room(self) -> int:
        """Return how many more events may be read."""
        return self.events_max - self.read

    def leave(self, object_ids: Iterable[str]) -> None:
        """Leave all events that mention these ids to a later transaction."""
        for object_id in object_ids:
            self.left[object_id] = Wake(object_id)
            self.done.discard(object_id)
