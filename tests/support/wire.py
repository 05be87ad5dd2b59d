"""A raw upstream: a TCP server that records requests and answers as scripted.

It only knows where an HTTP request ends, so a test can read and send anything.
"""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

CHUNK = b"x" * 65536


@dataclass(frozen=True, slots=True)
class Request:
    """One request, as received bytes."""

    head: bytes
    body: bytes

    @property
    def line(self) -> str:
        return self.head.partition(b"\r\n")[0].decode()

    @property
    def headers(self) -> dict[str, str]:
        """Return headers by lower-case name; a repeated header fails the test."""
        pairs = [line.split(": ", 1) for line in self.head.decode().split("\r\n")[1:] if line]
        assert len({name.lower() for name, _ in pairs}) == len(pairs), pairs
        return {name.lower(): value for name, value in pairs}


@dataclass(slots=True)
class Connection:
    """A script's connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    bytes_sent: int = 0

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()
        self.bytes_sent += len(data)

    async def send_without_end(self, data: bytes) -> None:
        """Wait until the other side closes."""
        while True:
            await self.send(data)

    def reset(self) -> None:
        """Close with RST instead of FIN, as a crashed or overloaded machine does."""
        transport_socket = self.writer.get_extra_info("socket")
        transport_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Script = Callable[[Connection], Awaitable[None]]


@dataclass(slots=True)
class Upstream:
    """Received requests, and a script for each; the last script serves all further ones."""

    scripts: list[Script]
    on_connect: Script | None = None
    port: int = 0
    scheme: str = "http"
    requests: list[Request] = field(default_factory=list)
    connections: list[Connection] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    finished: int = 0

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    async def wait_for_requests(self, count: int) -> None:
        async with asyncio.timeout(60), self.changed:
            await self.changed.wait_for(lambda: len(self.requests) >= count)

    async def wait_for_finished(self, count: int) -> None:
        """Wait until this many connections are closed on both sides."""
        async with asyncio.timeout(60), self.changed:
            await self.changed.wait_for(lambda: self.finished >= count)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(reader, writer)
        self.connections.append(connection)
        try:
            await self._converse(connection)
        except (OSError, asyncio.IncompleteReadError):
            pass  # the other side has disconnected
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
            async with self.changed:
                self.finished += 1
                self.changed.notify_all()

    async def _converse(self, connection: Connection) -> None:
        if self.on_connect is not None:
            await self.on_connect(connection)
        while not connection.writer.is_closing():
            request = await _read_request(connection.reader)
            async with self.changed:
                self.requests.append(request)
                self.changed.notify_all()
            script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
            await script(connection)


async def _read_request(reader: asyncio.StreamReader) -> Request:
    head = await reader.readuntil(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
    return Request(head, await reader.readexactly(length))


def says(data: bytes) -> Script:
    """Return a script that answers with these bytes and keeps the connection."""

    async def script(connection: Connection) -> None:
        await connection.send(data)

    return script


def says_and_closes(data: bytes) -> Script:
    async def script(connection: Connection) -> None:
        await connection.send(data)
        connection.writer.close()

    return script


async def hangs(connection: Connection) -> None:
    """Read the request and send nothing until the caller disconnects."""
    await connection.reader.read()


async def resets(connection: Connection) -> None:
    connection.reset()


def answer(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """Return a complete HTTP answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@asynccontextmanager
async def upstream(
    *scripts: Script | bytes,
    on_connect: Script | None = None,
    tls: ssl.SSLContext | None = None,
    port: int = 0,
) -> AsyncIterator[Upstream]:
    """A server on a free port of this machine; bytes stand for a script that says them."""
    spoken = [says(script) if isinstance(script, bytes) else script for script in scripts]
    served = Upstream(spoken, on_connect, scheme="https" if tls else "http")
    tasks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with suppress(asyncio.CancelledError):
            await served.handle(reader, writer)

    server = await asyncio.start_server(handle, "127.0.0.1", port, ssl=tls)
    served.port = server.sockets[0].getsockname()[1]
    try:
        yield served
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


def closed_port() -> int:
    """A port of this machine where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
