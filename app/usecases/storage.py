"""The database port, as the use cases need it. The adapters implement it.

Queries of single use cases have separate ports: `event_book`, `payment_lookup`, `webhook_ledger`,
`orders` and `outbox`.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Protocol, TypeVar

from app.domain.fold.asking import Surroundings, Wanted
from app.domain.fold.outcome import Outcome
from app.usecases.records import Checkout, Claim, EventRow

T = TypeVar("T")


class Transaction(Protocol):
    """One unit of work. It is rolled back unless it was committed when the operation returns."""

    async def add_checkout(self, checkout: Checkout) -> None:
        """Store a checkout."""
        ...

    async def claim(self, claim: Claim, *, dead_before_ms: int) -> Claim:
        """Take a key that is free, older than `dead_before_ms`, or whose lease has expired.

        Returns who holds it now: `claim` itself, or the earlier holder.
        """
        ...

    async def fulfil_claim(self, key_digest: str, checkout_id: str) -> bool:
        """Mark the key's checkout as created; False if another request holds the key now."""
        ...

    async def free_claim(self, key_digest: str, checkout_id: str) -> None:
        """Free a key whose checkout could not be created."""
        ...

    async def forget_claims(self, *, dead_before_ms: int) -> int:
        """Delete some keys older than this; return how many."""
        ...

    async def lock(self, object_ids: Collection[str], *, wait: bool = True) -> bool:
        """Lock these ids until the end, so that no other transaction folds events with them.

        Otherwise an event that creates a link and one that waits for it could be folded at the
        same moment, without seeing each other. Without `wait`, return False if another transaction
        holds one of them; this is for ids that are met after the first ones were locked.
        """
        ...

    async def look_around(self, wanted: Wanted) -> Surroundings:
        """Look up what is stored, in one statement on databases where statements are expensive.

        In a writing transaction, the payments are locked until the end.
        """
        ...

    async def record(self, events: Sequence[EventRow], outcome: Outcome) -> Collection[str]:
        """Write a fold's result, together with its events.

        Returns the ids of new events, and of failed ones that can be folded now.
        """
        ...

    async def settle_checkouts(self, *, since_ms: int, limit: int) -> int:
        """Mark checkouts whose own payment is not open any more, or was attempted; how many.

        The former if they were started at `since_ms` or later; of the marked ones, unmark those
        whose payment is open again.
        """
        ...

    async def prune_payloads(self, *, before_ms: int, now_ms: int, limit: int) -> int:
        """Delete payloads of events received before this; return how many."""
        ...

    async def prune_notifications(self, *, before_ms: int, limit: int) -> int:
        """Forget some notifications of before that time that do not wait; how many."""
        ...

    async def try_to_lead(self) -> bool:
        """Return whether this transaction, of all replicas', does the housekeeping now."""
        ...

    async def commit(self) -> None:
        """Make everything above durable: on disk when this returns."""
        ...


class Database(Protocol):
    """The database."""

    async def write(self, act: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run `act` in a transaction.

        Raises:
            CommitInDoubtError: it is unknown whether it was committed.
            StorageUnavailableError: nothing was committed.
        """
        ...

    async def require_writable(self) -> None:
        """Check that a write is possible, before an expensive step that depends on one.

        It writes nothing if the latest writes succeeded, so it may miss the first failure.

        Raises:
            StorageUnavailableError: nothing can be written now.
        """
        ...

    async def give_back_space(self) -> None:
        """Release unused disk space; never fails, and does not block writes."""
        ...

    async def read(self, look: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run `look` over the committed rows of one moment; it must not write.

        Raises:
            StorageUnavailableError: the database cannot be read.
        """
        ...

    async def find_checkout(self, checkout_id: str) -> Checkout | None:
        """Return the checkout with this id."""
        ...

    async def find_claim(self, key_digest: str) -> Claim | None:
        """Return who holds this key."""
        ...
