"""How many stored events one transaction wakes, and what it leaves for the next."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from app.domain.fold.records import Wake

# What one transaction wakes: a few ms of SQLite's one writer. A payload is 1 MiB at most.
WAKE_MAX: Final = 100
WAKES_AT_ONCE: Final = 32


@dataclass(slots=True)
class Waking:
    """How much one transaction may wake, and what it leaves for the next.

    `stored` are wakes of earlier transactions, locked already, to go on with. `tried` is how far
    the last of them was read, `read` how many events were, in all. `contended` are ids whose locks
    another transaction holds.
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
        """How many more events may be read."""
        return self.events_max - self.read

    def leave(self, object_ids: Iterable[str]) -> None:
        """The events that speak of these are woken by a later transaction, all of them."""
        for object_id in object_ids:
            self.left[object_id] = Wake(object_id)
            self.done.discard(object_id)
