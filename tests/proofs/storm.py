"""A storm of checkouts and webhooks on a process that is killed in the midst of it."""

import asyncio
import itertools
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

import httpx

from tests.builders import Document, ServiceProcess
from tests.proofs.sizes import chance_of
from tests.proofs.variants import payment

SENDERS: Final = 14
BUYERS: Final = 2
STRAYS: Final = 0.3  # of the payments are of sessions that this service never started
AGAIN: Final = 0.1  # of the webhooks are of events that were taken already
PENDING_MAX: Final = 250  # with so many unsent, buyers wait
ANSWERS_MAX: Final = 400  # before a kill
AFTER_S_MAX: Final = 0.02  # between the answer that was counted and the kill: a few commits
STORM_S: Final = 60.0  # who needs longer for so few answers hangs


@dataclass(frozen=True, slots=True)
class Bought:
    """A checkout that was answered, and the key that it was sent with."""

    checkout_id: str
    session_id: str
    key: str


@dataclass(slots=True)
class Storm:
    """All that was told so far, and what of it was acknowledged.

    A payment's story depends on the seed and its number alone.
    """

    seed: str
    told: list[Document] = field(default_factory=list)
    pending: list[Document] = field(default_factory=list)
    taken: dict[str, Document] = field(default_factory=dict)
    bought: list[Bought] = field(default_factory=list)
    answers: Counter[int] = field(default_factory=Counter)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)
    _order: random.Random = field(default_factory=random.Random)

    async def rage_and_kill(self, process: ServiceProcess, number: int) -> None:
        """Storm, and kill the process within some commits after some answers."""
        chance = chance_of(self.seed, "kill", number)
        wanted, after_s = chance.randint(1, ANSWERS_MAX), chance.uniform(0, AFTER_S_MAX)
        before = self.answers.total()
        self.over.clear()
        async with asyncio.timeout(STORM_S), asyncio.TaskGroup() as group:
            for _ in range(SENDERS):
                group.create_task(self._send_on(process))
            for _ in range(BUYERS):
                group.create_task(self._buy_on(process))
            while self.answers.total() < before + wanted:  # noqa: ASYNC110 each answer counts
                await asyncio.sleep(0.001)
            await asyncio.sleep(after_s)  # the moment is random, and nothing is awaited
            self.over.set()
            process.process.kill()
        await process.process.wait()

    async def _send_on(self, process: ServiceProcess) -> None:
        while not self.over.is_set():
            document = self._next()
            try:
                answer = await process.service.deliver(document)
            except httpx.TransportError:
                self.pending.append(document)
                assert self.over.is_set(), "the process hung up before it was killed"
                return
            self.answers[answer.status_code] += 1
            assert answer.status_code == httpx.codes.OK, answer.text
            self.taken[document["id"]] = document

    async def _buy_on(self, process: ServiceProcess) -> None:
        while not self.over.is_set():
            if len(self.pending) > PENDING_MAX:
                await asyncio.sleep(0.001)  # the pace of buyers; nothing is awaited
                continue
            number = next(self._numbers)
            chance = chance_of(self.seed, "payment", number)
            if chance.random() < STRAYS:
                self._tell(payment(chance, f"s{number}"))
                continue
            try:
                answer = await buy(process.service.client, f"key-{self.seed}-{number}")
            except httpx.TransportError:
                assert self.over.is_set(), "the process hung up before it was killed"
                return
            self.answers[answer.status_code] += 1
            assert answer.status_code == httpx.codes.OK, answer.text
            self._sell(chance, number, answer.json())

    def _sell(self, chance: random.Random, number: int, answer: Document) -> None:
        bought = Bought(answer["checkout_id"], answer["session_id"], f"key-{self.seed}-{number}")
        self.bought.append(bought)
        self._tell(
            payment(
                chance,
                f"b{number}",
                session_id=bought.session_id,
                checkout_id=bought.checkout_id,
            )
        )

    def _tell(self, documents: list[Document]) -> None:
        self.told += documents
        self.pending += documents

    def _next(self) -> Document:
        """Any that is not sent yet; now and then, or where there is none, one that was taken."""
        if not self.pending and not self.taken:
            self._tell(payment(chance_of(self.seed, "first"), "first"))
        if not self.pending or (self.taken and self._order.random() < AGAIN):
            return self._order.choice(list(self.taken.values()))
        position = self._order.randrange(len(self.pending))
        self.pending[position], self.pending[-1] = self.pending[-1], self.pending[position]
        return self.pending.pop()


async def buy(client: httpx.AsyncClient, key: str) -> httpx.Response:
    """Start a checkout of one price."""
    cart = {"line_items": [{"price": "price_A", "quantity": 1}]}
    headers = {"Accept": "application/json", "Idempotency-Key": key}
    return await client.post("/checkout", json=cart, headers=headers)
