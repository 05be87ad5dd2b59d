"""A storm of checkouts and webhooks on a process that is killed in the midst of it."""

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import Final

import httpx

from tests.support.builders import Document, ServiceProcess, to_body
from tests.support.one_payment import CART, Story, checkout_headers
from tests.support.sizes import chance_of

ANSWERS_MAX: Final = 400  # before a kill
AFTER_S_MAX: Final = 0.02  # between the answer that was counted and the kill: a few commits
STORM_S: Final = 60.0  # who needs longer for so few answers hangs


@dataclass(slots=True)
class Storm(Story):
    """Nobody may be cut off, or told to come again, before the process is killed."""

    async def rage_and_kill(self, process: ServiceProcess, number: int) -> None:
        """Storm, and kill the process within some commits after some answers."""
        chance = chance_of(self.seed, "kill", number)
        wanted, after_s = chance.randint(1, ANSWERS_MAX), chance.uniform(0, AFTER_S_MAX)
        before = self.answers.total()
        send, buy = partial(self._send, process), partial(self._buy, process)
        async with asyncio.timeout(STORM_S), self.telling(send, buy):
            while self.answers.total() < before + wanted:  # noqa: ASYNC110 each answer counts
                await asyncio.sleep(0.001)
            await asyncio.sleep(after_s)  # the moment is random, and nothing is awaited
            self.over.set()
            process.process.kill()
        await process.process.wait()

    async def _send(self, process: ServiceProcess, document: Document) -> None:
        try:
            answer = await process.service.deliver(document)
        except httpx.TransportError:
            self.pending.append(document)
            assert self.over.is_set(), "the process hung up before it was killed"
            return
        self._count(answer)
        self.taken[document["id"]] = document

    async def _buy(self, process: ServiceProcess, number: int) -> None:
        try:
            answer = await start(process.service.client, self.key_of(number))
        except httpx.TransportError:
            assert self.over.is_set(), "the process hung up before it was killed"
            return
        self._count(answer)
        self.sell(number, answer.json())

    def _count(self, answer: httpx.Response) -> None:
        self.answers[answer.status_code] += 1
        assert answer.status_code == httpx.codes.OK, answer.text


async def start(client: httpx.AsyncClient, key: str) -> httpx.Response:
    """Start a checkout of one price."""
    return await client.post("/checkout", content=to_body(CART), headers=checkout_headers(key))
