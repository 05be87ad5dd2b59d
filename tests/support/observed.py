"""A database controlled by a test: it counts queries, fails, or delays answers."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from app.databases import AnyDatabase
from app.domain.errors import StorageUnavailableError
from app.domain.fold.records import Payment
from app.usecases.event_book import EventBook
from app.usecases.records import Checkout, Claim, PaymentVersion
from app.usecases.storage import Transaction

T = TypeVar("T")


def _open() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


@dataclass(slots=True)
class ObservedDatabase:
    """`asked` has the number of ids of each query for versions.

    `finds_down`, `versions_down` and `writes_down` are how many of the next such calls fail.
    Results are delayed while `answers` is not set; `held` is how many calls wait for it.
    """

    inner: AnyDatabase
    asked: list[int] = field(default_factory=list)
    finds: int = 0
    writes: int = 0
    finds_down: int = 0
    versions_down: int = 0
    writes_down: int = 0
    answers: asyncio.Event = field(default_factory=_open)
    held: int = 0

    async def write(self, act: Callable[[Transaction], Awaitable[T]]) -> T:
        self.writes += 1
        if self.writes_down:
            self.writes_down -= 1
            raise StorageUnavailableError("words")
        return await self.inner.write(act)

    async def require_writable(self) -> None:
        await self.inner.require_writable()

    async def give_back_space(self) -> None:
        await self.inner.give_back_space()

    async def read(self, look: Callable[[EventBook], Awaitable[T]]) -> T:
        return await self.inner.read(look)

    async def versions(
        self, session_ids: Collection[str], checkout_ids: Collection[str]
    ) -> Sequence[PaymentVersion]:
        self.asked.append(len({*session_ids, *checkout_ids}))
        if self.versions_down:
            self.versions_down -= 1
            raise StorageUnavailableError("words")
        return await self.inner.versions(session_ids, checkout_ids)

    async def find_checkout(self, checkout_id: str) -> Checkout | None:
        return await self._find(self.inner.find_checkout(checkout_id))

    async def find_claim(self, key_digest: str) -> Claim | None:
        return await self._find(self.inner.find_claim(key_digest))

    async def find_checkout_of_session(self, session_id: str) -> Checkout | None:
        return await self._find(self.inner.find_checkout_of_session(session_id))

    async def find_payment(self, session_id: str) -> Payment | None:
        return await self._find(self.inner.find_payment(session_id))

    async def find_recoveries(self, session_id: str) -> Sequence[Payment]:
        return await self._find(self.inner.find_recoveries(session_id))

    async def find_checkout_recovered(self, session_id: str) -> Checkout | None:
        return await self._find(self.inner.find_checkout_recovered(session_id))

    async def find_payments_claiming(self, checkout_id: str) -> Sequence[Payment]:
        return await self._find(self.inner.find_payments_claiming(checkout_id))

    async def _find(self, finding: Awaitable[T]) -> T:
        """Return what was true at the time of the call, even if the answer is delayed."""
        self.finds += 1
        found = await finding
        self.held += 1
        try:
            await self.answers.wait()
        finally:
            self.held -= 1
        if self.finds_down:
            self.finds_down -= 1
            raise StorageUnavailableError("words")
        return found
