"""What became of webhooks, as it is kept for all replicas: a port of its own."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Protocol, TypeVar

from app.usecases.payment_lookup import PaymentDatabase
from app.usecases.records import WebhookSighting
from app.usecases.storage import Transaction

T = TypeVar("T")


class WebhookLedger(Transaction, Protocol):
    """One moment's sightings of webhooks."""

    async def webhook_sightings(self) -> Sequence[WebhookSighting]:
        """When webhooks were last taken, refused and so on; nobody else writes it before the end.

        In a transaction that only reads, what is committed.
        """
        ...

    async def see_webhooks(self, sightings: Collection[WebhookSighting]) -> None:
        """Keep these in the place of the former ones of their kinds."""
        ...

    async def checkouts_between(self, first_id: str, last_id: str, *, limit: int) -> int:
        """How many checkouts have ids between these, and so were made between; `limit` at most."""
        ...


class WebhookDatabase(PaymentDatabase, Protocol):
    """A database that keeps what became of webhooks."""

    async def write(self, act: Callable[[WebhookLedger], Awaitable[T]]) -> T:
        """Run `act` in a transaction of its own.

        Raises:
            CommitInDoubtError: perhaps it was committed, and perhaps it never will be.
            StorageUnavailableError: nothing was committed.
        """
        ...

    async def read(self, look: Callable[[WebhookLedger], Awaitable[T]]) -> T:
        """Run `look` over one moment's committed rows; it writes nothing.

        Raises:
            StorageUnavailableError: the database cannot be read.
        """
        ...
