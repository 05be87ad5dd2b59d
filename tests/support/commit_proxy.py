"""A proxy in front of PostgreSQL that drops the connection at a COMMIT, before or after it."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass

from tests.support.relay import CHUNK_BYTES, relay

# PostgreSQL: protocol-message-formats, Query. The service sends COMMIT as a message of its own.
_COMMIT = b"Q\x00\x00\x00\x0bCOMMIT\x00"
_BEGIN = b"BEGIN;"


@dataclass(slots=True)
class CommitProxy:
    """Proxies `url` to the server at `host` and `port`; after `to_keep` COMMITs, loses `to_lose`.

    Only transactions that mention `mark` count, because the service commits other things at start.

    If `they_arrive`, the server has committed before the connection is dropped. If `it_hangs`, the
    connection stays open but silent.
    """

    host: str
    port: int
    url: str = ""
    mark: bytes = b""
    to_keep: int = 0
    to_lose: int = 0
    they_arrive: bool = True
    it_hangs: bool = False

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Relay one connection until either side or the proxy closes it."""
        answers, questions = await asyncio.open_connection(self.host, self.port)
        backwards = asyncio.create_task(relay(answers, writer))
        transaction = b""
        try:
            with suppress(ConnectionError):
                while data := await reader.read(CHUNK_BYTES):
                    transaction = data if _BEGIN in data else transaction + data
                    if _COMMIT in data and self.mark in transaction and self._is_to_be_lost():
                        await self._lose(data, answers, questions, backwards)
                        while self.it_hangs and await reader.read(CHUNK_BYTES):
                            pass
                        break
                    questions.write(data)
                    await questions.drain()
        finally:
            backwards.cancel()
            writer.transport.abort()
            questions.transport.abort()

    def _is_to_be_lost(self) -> bool:
        if self.to_keep:
            self.to_keep -= 1
            return False
        if not self.to_lose:
            return False
        self.to_lose -= 1
        return True

    async def _lose(
        self,
        data: bytes,
        answers: asyncio.StreamReader,
        questions: asyncio.StreamWriter,
        backwards: asyncio.Task[None],
    ) -> None:
        backwards.cancel()
        await asyncio.wait([backwards])
        if self.they_arrive:
            questions.write(data)
            assert await answers.read(CHUNK_BYTES)  # it has been committed
