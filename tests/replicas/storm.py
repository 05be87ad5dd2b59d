"""A storm of checkouts and webhooks on replicas that die, or whose database does.

Who is cut off, or told to come again, comes again: webhooks as Stripe sends them, checkouts with
their key.
"""

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import httpx

from tests.builders import DEADLINE_S, Document, sign, to_body
from tests.proofs.variants import payment
from tests.replicas.sizes import chance_of

SENDERS: Final = 14
BUYERS: Final = 2
STRAYS: Final = 0.3  # of the payments are of sessions that this service never started
AGAIN: Final = 0.1  # of the webhooks are of events that were taken already
PENDING_MAX: Final = 50  # with so many unsent, buyers wait
LAST_ON_ITS_CONNECTION: Final = 0.03  # so that connections move to replicas that have come again
STORM_S: Final = 60.0  # for the answers that a test waits for
SETTLE_S: Final = 300.0  # for all of it once more
CART: Final = {"line_items": [{"price": "price_A", "quantity": 1}]}
_AGAIN_AFTER_S: Final = 0.02


@dataclass(frozen=True, slots=True)
class Bought:
    """A checkout that was answered, and the key that it was sent with."""

    checkout_id: str
    session_id: str
    key: str


@dataclass(slots=True)
class Storm:
    """All that was told so far, and what of it was acknowledged.

    A payment's story depends on the seed and its number alone. `storage_may_fail` allows answers
    that say so.
    """

    seed: str
    url: str
    storage_may_fail: bool = False
    told: list[Document] = field(default_factory=list)
    pending: list[Document] = field(default_factory=list)
    taken: dict[str, Document] = field(default_factory=dict)
    recorded: Counter[str] = field(default_factory=Counter)  # how often an id was called new
    bought: list[Bought] = field(default_factory=list)
    unbought: list[int] = field(default_factory=list)
    answers: Counter[int] = field(default_factory=Counter)
    cut: int = 0
    over: asyncio.Event = field(default_factory=asyncio.Event)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)
    _order: random.Random = field(default_factory=random.Random)
    _progress: asyncio.Condition = field(default_factory=asyncio.Condition)

    @asynccontextmanager
    async def raging(self) -> AsyncIterator[None]:
        """The storm, until the block ends; what it meets that may not be ends the block."""
        self.over.clear()
        async with self._client() as client, asyncio.TaskGroup() as group:
            for _ in range(SENDERS):
                group.create_task(self._send_on(client))
            for _ in range(BUYERS):
                group.create_task(self._buy_on(client))
            try:
                yield
            finally:
                self.over.set()

    async def taken_more(self, count: int) -> None:
        """Wait for so many more answers of 200."""
        await self._more(httpx.codes.OK, count)

    async def refused_more(self, count: int) -> None:
        """Wait for so many more answers of 503."""
        await self._more(httpx.codes.SERVICE_UNAVAILABLE, count)

    async def settle(self) -> None:
        """After the storm: finish every purchase that was cut off, and send all events again."""
        self.pending = list(self.told)
        async with self._client() as client, asyncio.timeout(SETTLE_S):
            await asyncio.gather(self._buy_rest(client), *self._senders(client))
            await asyncio.gather(*self._senders(client))  # what the last buyers' payments tell

    async def _more(self, status: int, count: int) -> None:
        wanted = self.answers[status] + count
        async with asyncio.timeout(STORM_S), self._progress:
            await self._progress.wait_for(lambda: self.answers[status] >= wanted)

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.url, trust_env=False, timeout=2 * DEADLINE_S)

    async def _send_on(self, client: httpx.AsyncClient) -> None:
        while not self.over.is_set():
            await self._send(client, self.next())

    def _senders(self, client: httpx.AsyncClient) -> list[Coroutine[None, None, None]]:
        return [self._send_rest(client) for _ in range(SENDERS)]

    async def _buy_rest(self, client: httpx.AsyncClient) -> None:
        while self.unbought:
            unbought, self.unbought = self.unbought, []
            await asyncio.gather(*(self._buy(client, number) for number in unbought))

    async def _send_rest(self, client: httpx.AsyncClient) -> None:
        while self.pending:
            await self._send(client, self.pending.pop())

    async def _send(self, client: httpx.AsyncClient, document: Document) -> None:
        body = to_body(document)
        answer = await self._post(
            client, "/webhooks/stripe", body, {"Stripe-Signature": sign(body)}
        )
        if answer is None:
            self.pending.append(document)
            return
        self.taken[document["id"]] = document
        if answer.json()["outcome"] == "recorded":
            self.recorded[document["id"]] += 1

    async def _buy_on(self, client: httpx.AsyncClient) -> None:
        while not self.over.is_set():
            if len(self.pending) > PENDING_MAX:
                await asyncio.sleep(0.001)  # the pace of buyers; nothing is awaited
                continue
            number = next(self._numbers)
            chance = chance_of(self.seed, "payment", number)
            if chance.random() < STRAYS:
                self._tell(payment(chance, f"s{number}"))
            else:
                await self._buy(client, number)

    async def _buy(self, client: httpx.AsyncClient, number: int) -> None:
        key = f"key-{self.seed}-{number}"
        answer = await self._post(client, "/checkout", to_body(CART), checkout_headers(key))
        if answer is None:
            self.unbought.append(number)
            return
        found = answer.json()
        bought = Bought(found["checkout_id"], found["session_id"], key)
        self.bought.append(bought)
        chance = chance_of(self.seed, "bought", number)
        ids = {"session_id": bought.session_id, "checkout_id": bought.checkout_id}
        self._tell(payment(chance, f"b{number}", **ids))

    async def _post(
        self, client: httpx.AsyncClient, path: str, body: bytes, headers: dict[str, str]
    ) -> httpx.Response | None:
        """The 200; None where the sender was cut off or told to come again."""
        if self._order.random() < LAST_ON_ITS_CONNECTION:
            headers = headers | {"Connection": "close"}
        try:
            answer = await client.post(path, content=body, headers=headers)
        except httpx.TransportError:
            self.cut += 1
            return None
        self.answers[answer.status_code] += 1
        async with self._progress:
            self._progress.notify_all()
        if answer.status_code == httpx.codes.OK:
            return answer
        code = answer.json()["code"]
        assert code in self._codes_to_come_again(), answer.text
        await asyncio.sleep(_AGAIN_AFTER_S)  # Stripe's is longer; nothing is awaited
        return None

    def _codes_to_come_again(self) -> set[str]:
        storage = {"storage_unavailable"} if self.storage_may_fail else set()
        return {"checkout_in_progress", *storage}

    def _tell(self, documents: list[Document]) -> None:
        self.told += documents
        self.pending += documents

    def next(self) -> Document:
        """Any that is not sent yet; now and then, or where there is none, one that was taken."""
        if not self.pending and not self.taken:
            self._tell(payment(chance_of(self.seed, "first"), "first"))
        if not self.pending or (self.taken and self._order.random() < AGAIN):
            return self._order.choice(list(self.taken.values()))
        position = self._order.randrange(len(self.pending))
        self.pending[position], self.pending[-1] = self.pending[-1], self.pending[position]
        return self.pending.pop()


def checkout_headers(key: str) -> dict[str, str]:
    """Of a program that starts a checkout with a key."""
    return {
        "Accept": "application/json",
        "Content-Type": "application/json",
        "Idempotency-Key": key,
    }
