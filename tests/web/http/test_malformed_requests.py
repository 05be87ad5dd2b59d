"""Raw bytes over a socket: a malformed request, and the answers before it."""

import asyncio
from dataclasses import dataclass, field

import pytest
from starlette.types import Receive, Scope, Send

from app.web.http.guarded_http import HEAD_BYTES_MAX
from tests.support.guarded import CHUNKED, HEAD, PATIENCE_S, Application, guarded


@dataclass(slots=True)
class Paced(Application):
    """Says the first half of its answer at once, and the rest when it is released."""

    released: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, scope: Scope, _: Receive, send: Send) -> None:
        self.paths.append(scope["path"])
        headers = [(b"content-length", b"10")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        await self.released.wait()
        await send({"type": "http.response.body", "body": b" half"})


BAD_SECONDS = {
    "garbage": b"\x00\x01\r\n\r\n",
    "no host": b"GET /bad HTTP/1.1\r\n\r\n",
    "large head": b"GET /bad HTTP/1.1\r\nX: " + b"a" * 2 * HEAD_BYTES_MAX,
    "one too many": (HEAD + b"\r\n") * 40,
}


@pytest.mark.parametrize("bad", BAD_SECONDS.values(), ids=BAD_SECONDS)
async def test_a_bad_request_behind_another_changes_nothing_in_its_answer(bad: bytes) -> None:
    application = Paced()
    async with guarded(application=application) as server:
        async with (
            server.connect(HEAD + b"\r\n") as (reader, writer),
            asyncio.timeout(PATIENCE_S),
        ):
            begun = await reader.readuntil(b"first")
            writer.write(bad + b"more of it")
            await writer.drain()
            async with server.connect(HEAD + b"\r\n") as (other, _):
                await other.readuntil(b"first")  # the server has read what came before
            application.released.set()
            rest = await reader.read()

        assert begun.startswith(b"HTTP/1.1 200 OK\r\n")
        assert rest == b" half"
        assert "/bad" not in application.paths


async def test_a_bad_request_sent_with_another_is_not_the_others_answer() -> None:
    async with guarded() as server:
        answer = await server.answer_to(HEAD + b"\r\n" + b"\x00\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"\r\n\r\nok")
    assert b"connection: close" in answer


async def test_a_request_whose_own_body_is_malformed_is_refused() -> None:
    async with guarded() as server:
        answer = await server.answer_to(CHUNKED + b"no number\r\n")

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1") == 1


async def test_after_an_early_answer_a_malformed_rest_of_its_body_gets_no_second_one() -> None:
    async with (
        guarded(application=Application(reads_body=False)) as server,
        server.connect(CHUNKED) as (reader, writer),
        asyncio.timeout(PATIENCE_S),
    ):
        answer = await reader.readuntil(b"ok")
        writer.write(b"no number\r\n")
        rest = await reader.read()

    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert rest == b""
