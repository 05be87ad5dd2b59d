"""Counts how often somebody waits for PostgreSQL: questions that follow an answer."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass

from tests.support.relay import CHUNK_BYTES, relay


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
        backwards = asyncio.create_task(relay(answers, writer, self._note_answer))
        try:
            with suppress(ConnectionError):
                while data := await reader.read(CHUNK_BYTES):
                    self.round_trips += self._is_answered
                    self._is_answered = False
                    questions.write(data)
                    await questions.drain()
        finally:
            backwards.cancel()
            writer.transport.abort()
            questions.transport.abort()

    def _note_answer(self) -> None:
        self._is_answered = True
