"""The port for finding payments and checkouts for buyers' pages, one query each."""

from collections.abc import Collection, Sequence
from typing import Protocol

from app.domain.fold.records import Payment
from app.usecases.records import Checkout, PaymentVersion
from app.usecases.storage import Database


class PaymentDatabase(Database, Protocol):
    """A database with payments."""

    async def versions(
        self, session_ids: Collection[str], checkout_ids: Collection[str]
    ) -> Sequence[PaymentVersion]:
        """Return the versions of these sessions' and checkouts' payments, with one query."""
        ...

    async def find_checkout_of_session(self, session_id: str) -> Checkout | None:
        """Return the checkout of this session."""
        ...

    async def find_payment(self, session_id: str) -> Payment | None:
        """Return the payment of this session."""
        ...

    async def find_recoveries(self, session_id: str) -> Sequence[Payment]:
        """Return the payment of this session, and those of sessions that recovered it."""
        ...

    async def find_checkout_recovered(self, session_id: str) -> Checkout | None:
        """Return the checkout whose expired session this one recovered."""
        ...

    async def find_payments_claiming(self, checkout_id: str) -> Sequence[Payment]:
        """Return the payments whose success URL names this checkout."""
        ...
