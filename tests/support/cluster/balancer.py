"""A simple load balancer: TCP, round robin, skips backends that refuse connections.

It does not know HTTP and never sends anything twice, so clients that were cut off must retry.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

_CHUNK_BYTES: Final = 65_536

Address = tuple[str, int]


@dataclass(slots=True)
class Balancer:
    """Forwards each connection to the next backend that accepts it; `backends` may change."""

    backends: list[Address] = field(default_factory=list)
    connections: int = 0
    refused: int = 0
    url: str = ""
    _turns: "itertools.count[int]" = field(default_factory=itertools.count)
    _forwarding: set[asyncio.Task[None]] = field(default_factory=set)

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward one connection until either side ends it."""
        task = asyncio.current_task()
        assert task is not None
        self._forwarding.add(task)
        self.connections += 1
        try:
            backend = await self._next_backend()
            if backend:
                await _join((reader, writer), backend)
        finally:
            self._forwarding.discard(task)
            writer.transport.abort()

    async def cut(self) -> None:
        """Close every connection."""
        for task in self._forwarding:
            task.cancel()
        if self._forwarding:
            await asyncio.wait(self._forwarding)

    async def _next_backend(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """Connect to the next backend that accepts; return None if none does."""
        backends = list(self.backends)
        first = next(self._turns)
        for number in range(len(backends)):
            host, port = backends[(first + number) % len(backends)]
            try:
                return await asyncio.open_connection(host, port)
            except OSError:
                self.refused += 1
        return None


async def _join(
    client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    backend: tuple[asyncio.StreamReader, asyncio.StreamWriter],
) -> None:
    there = asyncio.create_task(_forward(client[0], backend[1]))
    back = asyncio.create_task(_forward(backend[0], client[1]))
    try:
        await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        there.cancel()
        back.cancel()
        await asyncio.wait({there, back})
        backend[1].transport.abort()


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await reader.read(_CHUNK_BYTES):
            writer.write(chunk)
            await writer.drain()
        writer.close()  # sends what was written
        await writer.wait_closed()


@asynccontextmanager
async def running_balancer() -> AsyncIterator[Balancer]:
    """Run a balancer on a free port, without backends."""
    balancer = Balancer()
    server = await asyncio.start_server(balancer.accept, "127.0.0.1", 0, backlog=256)
    balancer.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield balancer
    finally:
        server.close()
        await balancer.cut()
