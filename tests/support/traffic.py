"""Checkouts and webhooks for tests under load, and which of them were acknowledged."""

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from tests.support.builders import Document
from tests.support.sizes import chance_of
from tests.support.variants import payment

SENDERS: Final = 14
BUYERS: Final = 2
FOREIGN: Final = 0.3  # share of payments of sessions that this service did not start
REPEATED: Final = 0.1  # share of webhooks whose event was acknowledged before
CART: Final = {"line_items": [{"price": "price_A", "quantity": 1}]}


@dataclass(frozen=True, slots=True)
class Bought:
    """A checkout that was answered, and its key."""

    checkout_id: str
    session_id: str
    key: str


@dataclass(slots=True)
class Traffic:
    """Everything that was sent so far; subclasses decide how it is sent.

    A payment's events depend only on the seed and its number.
    """

    seed: str
    pending_max: int = 250  # with this many unsent events, buyers wait
    sent: list[Document] = field(default_factory=list)
    pending: list[Document] = field(default_factory=list)
    acknowledged: dict[str, Document] = field(default_factory=dict)
    bought: list[Bought] = field(default_factory=list)
    answers: Counter[int] = field(default_factory=Counter)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)
    _order: random.Random = field(default_factory=random.Random)

    @asynccontextmanager
    async def running_with(
        self,
        send: Callable[[Document], Awaitable[None]],
        buy: Callable[[int], Awaitable[None]],
    ) -> AsyncIterator[None]:
        """Send events and buy concurrently until the block ends or `over` is set.

        An exception of either ends the block.
        """
        self.over.clear()
        async with asyncio.TaskGroup() as group:
            for _ in range(SENDERS):
                group.create_task(self._send_on(send))
            for _ in range(BUYERS):
                group.create_task(self._buy_on(buy))
            try:
                yield
            finally:
                self.over.set()

    def next_event(self) -> Document:
        """Return an unsent event; sometimes, or if there is none, an acknowledged one."""
        if not self.pending and not self.acknowledged:
            self._tell(payment(chance_of(self.seed, "first"), "first"))
        if not self.pending or (self.acknowledged and self._order.random() < REPEATED):
            return self._order.choice(list(self.acknowledged.values()))
        position = self._order.randrange(len(self.pending))
        self.pending[position], self.pending[-1] = self.pending[-1], self.pending[position]
        return self.pending.pop()

    def key_of(self, number: int) -> str:
        """Return the idempotency key of a purchase."""
        return f"key-{self.seed}-{number}"

    def sell(self, number: int, answer: Document) -> None:
        """Record an answered purchase; from now on its events are sent."""
        bought = Bought(answer["checkout_id"], answer["session_id"], self.key_of(number))
        self.bought.append(bought)
        chance = chance_of(self.seed, "bought", number)
        ids = {"session_id": bought.session_id, "checkout_id": bought.checkout_id}
        self._tell(payment(chance, f"b{number}", **ids))

    async def _send_on(self, send: Callable[[Document], Awaitable[None]]) -> None:
        while not self.over.is_set():
            await send(self.next_event())

    async def _buy_on(self, buy: Callable[[int], Awaitable[None]]) -> None:
        while not self.over.is_set():
            if len(self.pending) > self.pending_max:
                await asyncio.sleep(0.001)  # the pace of buyers; this waits for nothing
                continue
            number = next(self._numbers)
            chance = chance_of(self.seed, "payment", number)
            if chance.random() < FOREIGN:
                self._tell(payment(chance, f"s{number}"))
            else:
                await buy(number)

    def _tell(self, documents: list[Document]) -> None:
        self.sent += documents
        self.pending += documents


def checkout_headers(key: str) -> dict[str, str]:
    """Return the headers of a program that starts a checkout with a key."""
    return {
        "Accept": "application/json",
        "Content-Type": "application/json",
        "Idempotency-Key": key,
    }
