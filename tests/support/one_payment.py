"""What is told in a storm of checkouts and webhooks, and what of it was acknowledged."""

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
STRAYS: Final = 0.3  # of the payments are of sessions that this service never started
AGAIN: Final = 0.1  # of the webhooks are of events that were taken already
CART: Final = {"line_items": [{"price": "price_A", "quantity": 1}]}


@dataclass(frozen=True, slots=True)
class Bought:
    """A checkout that was answered, and the key that it was sent with."""

    checkout_id: str
    session_id: str
    key: str


@dataclass(slots=True)
class Story:
    """All that was told so far; who sends it, and to whom, is the storm's own.

    A payment's part of it depends on the seed and its number alone.
    """

    seed: str
    pending_max: int = 250  # with so many unsent, buyers wait
    told: list[Document] = field(default_factory=list)
    pending: list[Document] = field(default_factory=list)
    taken: dict[str, Document] = field(default_factory=dict)
    bought: list[Bought] = field(default_factory=list)
    answers: Counter[int] = field(default_factory=Counter)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)
    _order: random.Random = field(default_factory=random.Random)

    @asynccontextmanager
    async def telling(
        self,
        send: Callable[[Document], Awaitable[None]],
        buy: Callable[[int], Awaitable[None]],
    ) -> AsyncIterator[None]:
        """Send events and buy by number, many at once, until the block ends or all is `over`.

        What either of them raises ends the block.
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
        """Any that is not sent yet; now and then, or where there is none, one that was taken."""
        if not self.pending and not self.taken:
            self._tell(payment(chance_of(self.seed, "first"), "first"))
        if not self.pending or (self.taken and self._order.random() < AGAIN):
            return self._order.choice(list(self.taken.values()))
        position = self._order.randrange(len(self.pending))
        self.pending[position], self.pending[-1] = self.pending[-1], self.pending[position]
        return self.pending.pop()

    def key_of(self, number: int) -> str:
        """The idempotency key of a purchase."""
        return f"key-{self.seed}-{number}"

    def sell(self, number: int, answer: Document) -> None:
        """A purchase was answered: from now on Stripe tells of its payment."""
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
                await asyncio.sleep(0.001)  # the pace of buyers; nothing is awaited
                continue
            number = next(self._numbers)
            chance = chance_of(self.seed, "payment", number)
            if chance.random() < STRAYS:
                self._tell(payment(chance, f"s{number}"))
            else:
                await buy(number)

    def _tell(self, documents: list[Document]) -> None:
        self.told += documents
        self.pending += documents


def checkout_headers(key: str) -> dict[str, str]:
    """Of a program that starts a checkout with a key."""
    return {
        "Accept": "application/json",
        "Content-Type": "application/json",
        "Idempotency-Key": key,
    }
