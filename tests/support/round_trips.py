"""Counts how often somebody waits for PostgreSQL: questions that follow an answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

_CHUNK_BYTES = 64 * 1024


@dataclass(slots=True)
class CountingProxy:
    """`url` leads to the server at `host` and `port`; one connection at a time."""

    host: str
    port: int
    url: str = ""
    round_trips: int = 0
    _is_answered: bool = True

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Relay one connection until one of its ends leaves."""
        answers, questions = await asyncio.open_connection(self.host, self.port)
        backwards = asyncio.create_task(self._answer(answers, writer))
        try:
            with suppress(ConnectionError):
                while data := await reader.read(_CHUNK_BYTES):
                    self.round_trips += self._is_answered
                    self._is_answered = False
                    questions.write(data)
                    await questions.drain()
        finally:
            backwards.cancel()
            writer.transport.abort()
            questions.transport.abort()

    async def _answer(self, answers: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await answers.read(_CHUNK_BYTES):
                self._is_answered = True
                writer.write(data)
                await writer.drain()
        writer.transport.abort()


@asynccontextmanager
async def counting_proxy_before(url: str) -> AsyncIterator[CountingProxy]:
    """Between a database and the server of this URL."""
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    proxy = CountingProxy(parts.hostname, parts.port)
    async with await asyncio.start_server(proxy.accept, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        proxy.url = parts._replace(netloc=f"{parts.username}@127.0.0.1:{port}").geturl()
        yield proxy
