"""Sends checkouts and webhooks to a process, and kills it meanwhile."""

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import Final

import httpx

from tests.support.builders import Document, to_body
from tests.support.processes import ServiceProcess
from tests.support.sizes import chance_of
from tests.support.traffic import CART, Traffic, checkout_headers

ANSWERS_MAX: Final = 400  # before a kill
AFTER_S_MAX: Final = 0.02  # between the answer that was counted and the kill: a few commits
LOAD_S: Final = 60.0  # for so few answers; longer means that the process hangs


@dataclass(slots=True)
class Load(Traffic):
    """Traffic that must not be cut off or refused before the process is killed."""

    async def run_and_kill(self, process: ServiceProcess, number: int) -> None:
        """Send traffic, and kill the process shortly after a random number of answers."""
        chance = chance_of(self.seed, "kill", number)
        wanted, after_s = chance.randint(1, ANSWERS_MAX), chance.uniform(0, AFTER_S_MAX)
        before = self.answers.total()
        send, buy = partial(self._send, process), partial(self._buy, process)
        async with asyncio.timeout(LOAD_S), self.running_with(send, buy):
            while self.answers.total() < before + wanted:  # noqa: ASYNC110 each answer counts
                await asyncio.sleep(0.001)
            await asyncio.sleep(after_s)  # a random moment; this waits for nothing
            self.over.set()
            process.process.kill()
        await process.process.wait()

    async def _send(self, process: ServiceProcess, document: Document) -> None:
        try:
            answer = await process.service.deliver(document)
        except httpx.TransportError:
            self.pending.append(document)
            assert self.over.is_set(), "the process disconnected before it was killed"
            return
        self._count(answer)
        self.acknowledged[document["id"]] = document

    async def _buy(self, process: ServiceProcess, number: int) -> None:
        try:
            answer = await start(process.service.client, self.key_of(number))
        except httpx.TransportError:
            assert self.over.is_set(), "the process disconnected before it was killed"
            return
        self._count(answer)
        self.sell(number, answer.json())

    def _count(self, answer: httpx.Response) -> None:
        self.answers[answer.status_code] += 1
        assert answer.status_code == httpx.codes.OK, answer.text


async def start(client: httpx.AsyncClient, key: str) -> httpx.Response:
    """Start a checkout of one price."""
    return await client.post("/checkout", content=to_body(CART), headers=checkout_headers(key))
