"""Payments and their checkouts, each found with one question: what buyers' pages ask."""

from collections.abc import Collection, Sequence
from typing import Protocol

from app.usecases.records import Checkout, Payment, PaymentVersion
from app.usecases.storage import Database


class PaymentDatabase(Database, Protocol):
    """A database in which payments are found."""

    async def versions(
        self, session_ids: Collection[str], checkout_ids: Collection[str]
    ) -> Sequence[PaymentVersion]:
        """How often the payments of these sessions and checkouts have changed, in one query."""
        ...

    async def find_checkout_of_session(self, session_id: str) -> Checkout | None:
        """The checkout whose payment page was this session's."""
        ...

    async def find_payment(self, session_id: str) -> Payment | None:
        """The payment of this session."""
        ...

    async def find_recoveries(self, session_id: str) -> Sequence[Payment]:
        """The payment of this session, and of each session that recovered it, however often."""
        ...

    async def find_checkout_recovered(self, session_id: str) -> Checkout | None:
        """The checkout whose session expired, and was recovered by this one."""
        ...

    async def find_payments_claiming(self, checkout_id: str) -> Sequence[Payment]:
        """The payments whose success URL names this checkout."""
        ...
