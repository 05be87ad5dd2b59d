"""Proxies in front of PostgreSQL: what they have in common."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final, Protocol, TypeVar
from urllib.parse import urlsplit

CHUNK_BYTES: Final = 64 * 1024


class Proxy(Protocol):
    """Relays connections; `url` leads to its server through it."""

    url: str

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Relay one connection until one of its ends leaves."""


P = TypeVar("P", bound=Proxy)


async def relay(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    on_data: Callable[[], None] = lambda: None,
) -> None:
    """Pass everything on, then drop the connection; `on_data` is called before each write."""
    with suppress(ConnectionError):
        while data := await reader.read(CHUNK_BYTES):
            on_data()
            writer.write(data)
            await writer.drain()
    writer.transport.abort()


@asynccontextmanager
async def proxy_before(url: str, make: Callable[[str, int], P]) -> AsyncIterator[P]:
    """Run the proxy that `make` returns in front of the server of this URL."""
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    proxy = make(parts.hostname, parts.port)
    async with await asyncio.start_server(proxy.accept, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        proxy.url = parts._replace(netloc=f"{parts.username}@127.0.0.1:{port}").geturl()
        yield proxy
