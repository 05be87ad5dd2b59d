"""Sends checkouts and webhooks to replicas while they, or their database, fail.

A request that was cut off or answered with a temporary error is retried: webhooks like Stripe does,
checkouts with their key.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import httpx

from tests.support.builders import DEADLINE_S, Document, sign, to_body
from tests.support.traffic import CART, SENDERS, Traffic, checkout_headers

LAST_ON_ITS_CONNECTION: Final = 0.03  # so that connections move to replicas that were restarted
LOAD_S: Final = 60.0  # for the answers that a test waits for
SETTLE_S: Final = 300.0  # for sending everything once more
_RETRY_AFTER_S: Final = 0.02


@dataclass(slots=True, kw_only=True)
class Load(Traffic):
    """Traffic to `url`; `storage_may_fail` allows 503 `storage_unavailable`."""

    url: str
    storage_may_fail: bool = False
    pending_max: int = 50
    recorded: Counter[str] = field(
        default_factory=Counter
    )  # how often an event was answered as new
    unbought: list[int] = field(default_factory=list)
    cut: int = 0
    _progress: asyncio.Condition = field(default_factory=asyncio.Condition)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the load until the block ends; an unexpected answer ends the block."""
        async with (
            self._client() as client,
            self.running_with(partial(self._send, client), partial(self._buy, client)),
        ):
            yield

    async def acknowledged_more(self, count: int) -> None:
        """Wait for this many more answers of 200."""
        await self._more(httpx.codes.OK, count)

    async def refused_more(self, count: int) -> None:
        """Wait for this many more answers of 503."""
        await self._more(httpx.codes.SERVICE_UNAVAILABLE, count)

    async def settle(self) -> None:
        """Afterwards, finish every purchase that was cut off, and send all events again."""
        self.pending = list(self.sent)
        async with self._client() as client, asyncio.timeout(SETTLE_S):
            await asyncio.gather(self._buy_rest(client), *self._senders(client))
            await asyncio.gather(*self._senders(client))  # the events of the last purchases

    async def _more(self, status: int, count: int) -> None:
        wanted = self.answers[status] + count
        async with asyncio.timeout(LOAD_S), self._progress:
            await self._progress.wait_for(lambda: self.answers[status] >= wanted)

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.url, trust_env=False, timeout=2 * DEADLINE_S)

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
        self.acknowledged[document["id"]] = document
        if answer.json()["outcome"] == "recorded":
            self.recorded[document["id"]] += 1

    async def _buy(self, client: httpx.AsyncClient, number: int) -> None:
        headers = checkout_headers(self.key_of(number))
        answer = await self._post(client, "/checkout", to_body(CART), headers)
        if answer is None:
            self.unbought.append(number)
        else:
            self.sell(number, answer.json())

    async def _post(
        self, client: httpx.AsyncClient, path: str, body: bytes, headers: dict[str, str]
    ) -> httpx.Response | None:
        """Return a 200; None if the request was cut off or must be retried."""
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
        assert code in self._codes_to_retry(), answer.text
        await asyncio.sleep(_RETRY_AFTER_S)  # Stripe's pause is longer; this waits for nothing
        return None

    def _codes_to_retry(self) -> set[str]:
        storage = {"storage_unavailable"} if self.storage_may_fail else set()
        return {"checkout_in_progress", *storage}
