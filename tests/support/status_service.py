"""The two status endpoints on a socket, with their watch in a test's hands."""

import asyncio
import ipaddress
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field

import httpx
from fastapi import FastAPI

from app.databases import AnyDatabase
from app.usecases.live_places import LivePlaces
from app.usecases.payment_feed import PaymentFeed
from app.usecases.read_payment import ReadPayment
from app.web.api.status import StatusEndpoint
from app.web.api.stream import StatusStreamEndpoint
from app.web.application import Application
from app.web.routes import Endpoint
from tests.support import problem_answers
from tests.support.builders import DEADLINE_S, SESSION_ID, Document, serving, until
from tests.support.recording import record
from tests.support.watching import many_places

TICK_S = 0.01
LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)  # so that a test may be several clients


@dataclass(slots=True)
class Message:
    """What an EventSource makes of some lines, and what it does not show."""

    comments: list[str] = field(default_factory=list)
    retry_ms: int | None = None
    name: str | None = None
    id: str | None = None
    data: str | None = None


@dataclass(slots=True)
class Stream:
    """An open stream, read message by message."""

    response: httpx.Response
    messages: AsyncIterator[Message]

    async def next(self) -> Message:
        async with asyncio.timeout(DEADLINE_S):
            return await anext(self.messages)

    async def next_status(self) -> Message:
        """The next that is neither a hint nor a comment."""
        while (message := await self.next()).data is None:
            pass
        return message

    async def rest(self) -> list[Message]:
        """All that comes until the service ends the stream."""
        async with asyncio.timeout(DEADLINE_S):
            return [message async for message in self.messages]


@dataclass(frozen=True, slots=True)
class StatusService:
    client: httpx.AsyncClient
    feed: PaymentFeed
    database: AnyDatabase

    async def tell(self, *documents: Document) -> None:
        """Stripe's events are recorded by this very process."""
        await record(self.database, *documents, on_change=self.feed.changed)

    async def get(self, public_id: str = SESSION_ID, **headers: str) -> httpx.Response:
        return await self.client.get(f"/checkout/{public_id}", headers=headers)

    async def wait(
        self, wait: object = 60, *, public_id: str = SESSION_ID, **headers: str
    ) -> httpx.Response:
        """Whoever really waits for 60 s has failed."""
        path = f"/checkout/{public_id}"
        return await self.client.get(path, params={"wait": str(wait)}, headers=headers)

    @asynccontextmanager
    async def waiting(self, **headers: str) -> AsyncIterator["asyncio.Task[httpx.Response]"]:
        """Within it, somebody waits, and has read what there was before."""
        before = self._readers()
        task = asyncio.create_task(self.wait(**headers))
        await until(lambda: self._readers() > before)
        yield task
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    def _readers(self) -> int:
        """How many wait whose first read has ended; a change before that is no news to them."""
        watched = self.feed._watched.values()  # noqa: SLF001 told nowhere else
        return sum(hasattr(each, "shown") for item in watched for each in item.followers)

    @asynccontextmanager
    async def stream(self, public_id: str = SESSION_ID, **headers: str) -> AsyncIterator[Stream]:
        async with open_stream(self.client, public_id, **headers) as stream:
            yield stream


@asynccontextmanager
async def open_stream(
    client: httpx.AsyncClient, public_id: str = SESSION_ID, **headers: str
) -> AsyncIterator[Stream]:
    path = f"/checkout/{public_id}/events"
    async with (
        client.stream("GET", path, headers=headers) as response,
        aclosing(_messages(response)) as messages,
    ):
        yield Stream(response, messages)


async def _messages(response: httpx.Response) -> AsyncGenerator[Message, None]:
    message = Message()
    async for line in response.aiter_lines():
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "" if not line:
                yield message
                message = Message()
            case "":
                message.comments.append(value)
            case "retry":
                message.retry_ms = int(value)
            case "event":
                message.name = value
            case "id":
                message.id = value
            case "data":
                assert message.data is None, "data of several lines"
                message.data = value
            case _:
                raise AssertionError(line)
    assert message == Message(), "the stream ended within a message"


@asynccontextmanager
async def status_service(
    database: AnyDatabase,
    *,
    comment_every_s: float = 3600,
    open_max_s: float = 3600,
    wait_max_s: float = 60,
    places: LivePlaces | None = None,
) -> AsyncIterator[StatusService]:
    read_payment = ReadPayment(database=database)
    feed = PaymentFeed(
        read_payment=read_payment,
        database=database,
        tick_s=TICK_S,
        places=places or many_places(),
    )
    status = StatusEndpoint(
        read_payment=read_payment, feed=feed, trusted_proxies=LOOPBACK, wait_max_s=wait_max_s
    )
    stream = StatusStreamEndpoint(
        feed=feed,
        trusted_proxies=LOOPBACK,
        comment_every_s=comment_every_s,
        open_max_s=open_max_s,
    )
    running = asyncio.create_task(feed.run())
    try:
        async with serving(_application(status, stream)) as client:
            yield StatusService(client, feed, database)
            feed.close()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def _application(*endpoints: Endpoint) -> Application:
    return Application(
        endpoints,
        problems=problem_answers.problems(),
        version="1",
        cors_origins=(),
        lifespan=_no_lifespan,
    )


@asynccontextmanager
async def _no_lifespan(_: FastAPI) -> AsyncIterator[None]:
    yield
