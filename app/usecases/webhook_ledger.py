"""The port for storing the outcomes of webhooks for all replicas."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Protocol, TypeVar

from app.usecases.payment_lookup import PaymentDatabase
from app.usecases.records import WebhookSighting
from app.usecases.storage import Transaction

T = TypeVar("T")


class WebhookLedger(Transaction, Protocol):
    """Sightings of webhooks at one moment."""

    async def webhook_sightings(self) -> Sequence[WebhookSighting]:
        """Return when webhooks last had each outcome, locked until the end of the transaction.

        In a read-only transaction, return what is committed.
        """
        ...

    async def see_webhooks(self, sightings: Collection[WebhookSighting]) -> None:
        """Store these, replacing earlier ones of their kinds."""
        ...

    async def checkouts_between(self, first_id: str, last_id: str, *, limit: int) -> int:
        """Return how many checkouts have ids, and so times, between these; at most `limit`."""
        ...


class WebhookDatabase(PaymentDatabase, Protocol):
    """A database with the outcomes of webhooks."""

    async def write(self, act: Callable[[WebhookLedger], Awaitable[T]]) -> T:
        """Run `act` in a transaction.

        Raises:
            CommitInDoubtError: it is unknown whether it was committed.
            StorageUnavailableError: nothing was committed.
        """
        ...

    async def read(self, look: Callable[[WebhookLedger], Awaitable[T]]) -> T:
        """Run `look` over the committed rows of one moment; it must not write.

        Raises:
            StorageUnavailableError: the database cannot be read.
        """
        ...
