"""The one durable memory, as the use cases need it. The adapters fulfil this.

What only some use cases ask stands in ports of their own: `event_book`, `payment_lookup`,
`webhook_ledger`, `orders` and `outbox`.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Protocol, TypeVar

from app.domain.fold.asking import Surroundings, Wanted
from app.domain.fold.outcome import Outcome
from app.usecases.records import (
    Checkout,
    Claim,
    EventRow,
)

T = TypeVar("T")


class Transaction(Protocol):
    """One unit of work. What is not committed when the act returns is rolled back."""

    async def add_checkout(self, checkout: Checkout) -> None:
        """Keep a checkout."""
        ...

    async def claim(self, claim: Claim, *, dead_before_ms: int) -> Claim:
        """Take a key that is free, older than `dead_before_ms`, or whose holder's lease is over.

        Returns who holds it now: `claim` itself, or the one that was there first.
        """
        ...

    async def fulfil_claim(self, key_digest: str, checkout_id: str) -> bool:
        """Mark the key's checkout as made; False where another holds the key by now."""
        ...

    async def free_claim(self, key_digest: str, checkout_id: str) -> None:
        """Give a key back whose checkout could not be made."""
        ...

    async def forget_claims(self, *, dead_before_ms: int) -> int:
        """Delete some of the keys older than that; how many there were."""
        ...

    async def lock(self, object_ids: Collection[str], *, wait: bool = True) -> bool:
        """Let nobody else fold what mentions one of these ids, until the end.

        An event that makes a link and one that waits for it, folded at the same moment, would each
        see nothing of the other. Without `wait`, False where another transaction holds one of
        them: for ids that are met only after the first were locked.
        """
        ...

    async def look_around(self, wanted: Wanted) -> Surroundings:
        """What is kept of this, in one statement where statements are dear.

        In a transaction that writes, nobody else changes these payments before the end.
        """
        ...

    async def record(self, events: Sequence[EventRow], outcome: Outcome) -> Collection[str]:
        """Write what a fold has found out, together with its events.

        Returns the ids of events that are new, and of failed ones that can be folded now.
        """
        ...

    async def prune_payloads(self, *, before_ms: int, limit: int) -> int:
        """Forget payloads of events received before that; how many."""
        ...

    async def prune_notifications(self, *, before_ms: int, limit: int) -> int:
        """Forget some notifications of before that time that do not wait; how many."""
        ...

    async def try_to_lead(self) -> bool:
        """Whether this transaction alone, of all replicas', does the housekeeping now."""
        ...

    async def commit(self) -> None:
        """Make everything above durable: on disk when this returns."""
        ...


class Database(Protocol):
    """The one durable memory."""

    async def write(self, act: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run `act` in a transaction of its own.

        Raises:
            CommitInDoubtError: perhaps it was committed, and perhaps it never will be.
            StorageUnavailableError: nothing was committed.
        """
        ...

    async def require_writable(self) -> None:
        """Before what costs something, and is of no use if the write after it fails.

        Writes nothing where the latest writes succeeded, so that it may not see the first failure.

        Raises:
            StorageUnavailableError: nothing can be written now.
        """
        ...

    async def give_back_space(self) -> None:
        """Return disk space that is not needed now; never fails, and does not hold up writes."""
        ...

    async def read(self, look: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run `look` over one moment's committed rows; it writes nothing.

        Raises:
            StorageUnavailableError: the database cannot be read.
        """
        ...

    async def find_checkout(self, checkout_id: str) -> Checkout | None:
        """The checkout of this id."""
        ...

    async def find_claim(self, key_digest: str) -> Claim | None:
        """Who holds this key."""
        ...
