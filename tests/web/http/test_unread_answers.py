"""Who asks and never reads the answer: given up in time, while the server runs and at its end."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import ClassVar

from starlette.types import Receive, Scope, Send

from app.web.http.guarded_http import GuardedHttp
from tests.support.guarded import HEAD, PATIENCE_S, Application, guarded

SOON_S = 0.2
ANSWER = b"x" * 16 * 1024 * 1024  # more than the kernel takes for a client that does not read


@dataclass(slots=True)
class Talker(Application):
    """Answers with more than fits, and knows when it is rid of it."""

    has_begun: asyncio.Event = field(default_factory=asyncio.Event)
    is_rid_of_it: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, _: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        self.has_begun.set()
        await send({"type": "http.response.body", "body": ANSWER, "more_body": True})
        await send({"type": "http.response.body"})
        self.is_rid_of_it.set()


class GivesUpAnswers(GuardedHttp):
    write_timeout_s: ClassVar = SOON_S
    close_timeout_s: ClassVar = 2 * PATIENCE_S


class GivesUpAtTheEnd(GuardedHttp):
    write_timeout_s: ClassVar = 2 * PATIENCE_S
    close_timeout_s: ClassVar = SOON_S


async def test_an_answer_that_nobody_reads_is_given_up() -> None:
    talker = Talker()
    async with guarded(GivesUpAnswers, talker) as server, server.connect(HEAD + b"\r\n"):
        await asyncio.wait_for(talker.is_rid_of_it.wait(), PATIENCE_S)


async def test_the_server_ends_in_time_though_nobody_reads_its_answer() -> None:
    talker = Talker()
    async with AsyncExitStack() as clients, asyncio.timeout(PATIENCE_S):
        async with guarded(GivesUpAtTheEnd, talker) as server:
            await clients.enter_async_context(server.connect(HEAD + b"\r\n"))
            await talker.has_begun.wait()
            assert not talker.is_rid_of_it.is_set()

        assert talker.is_rid_of_it.is_set()
