"""Altan Pay as bytes on a socket: it reads a request, and then does what the test says.

It only knows where an HTTP request ends, so that it can break every rule.
"""

import asyncio
import itertools
import json
import socket
import ssl
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

WAIT_S: Final = 60.0  # for what happens soon; reaching it fails the test

_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class Connection:
    """A script's connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def wait_until_left(self) -> None:
        """Wait until the caller disconnects; ignore what it sends."""
        with suppress(OSError):
            while await self.reader.read(65536):
                pass

    def reset(self) -> None:
        """Close with RST instead of FIN."""
        under_it = self.writer.get_extra_info("socket")
        under_it.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Script = Callable[[Connection], Awaitable[None]]


def answer(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def refusal(status: int, *headers: str) -> bytes:
    return answer(b'{"error":"upstream-said-this"}', *headers, status=f"{status} Said")


def payment_page() -> bytes:
    """Send the documented answer, with a new session."""
    url = f"https://checkout.stripe.com/c/pay/cs_test_{next(_numbers):06}a1#fid"
    return answer(json.dumps({"url": url}).encode(), "Content-Type: application/json")


async def works(connection: Connection) -> None:
    await connection.send(payment_page())


async def hangs(connection: Connection) -> None:
    await connection.wait_until_left()


async def resets(connection: Connection) -> None:
    connection.reset()


def says(data: bytes) -> Script:
    """Return a script that sends this, and keeps the connection."""

    async def script(connection: Connection) -> None:
        await connection.send(data)

    return script


def says_and_leaves(data: bytes) -> Script:
    async def script(connection: Connection) -> None:
        await connection.send(data)
        connection.writer.close()

    return script


def repeats(head: bytes, chunk: bytes, *, pause_s: float = 0) -> Script:
    """Return a script that sends `chunk` repeatedly until the caller disconnects."""

    async def script(connection: Connection) -> None:
        await connection.send(head)
        while not connection.writer.is_closing():
            await connection.send(chunk)
            await asyncio.sleep(pause_s)  # the pace of this upstream; this waits for nothing

    return script


@dataclass(slots=True)
class Upstream:
    """`script` answers every call after `next_scripts`, one for each call. A cart with a price
    or URL of `odd_texts` is answered by its script, and counted in `odd_calls`.

    `on_connect` runs before a request is read; if it returns None, the request is read.
    """

    script: Script = works
    next_scripts: list[Script] = field(default_factory=list)
    odd_texts: dict[str, Script] = field(default_factory=dict)
    odd_calls: int = 0
    on_connect: Script | None = None
    port: int = 0
    calls: int = 0
    connected_at_s: list[float] = field(default_factory=list)
    calls_now: int = 0
    calls_now_max: int = 0
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _server: asyncio.Server | None = None
    _tasks: dict[asyncio.Task[None], asyncio.StreamWriter] = field(default_factory=dict)

    @property
    def connections(self) -> int:
        return len(self.connected_at_s)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self, tls: ssl.SSLContext | None = None) -> None:
        """Listen; after the first time, on the same port."""
        self._server = await asyncio.start_server(
            self._handle, "127.0.0.1", self.port, ssl=tls, backlog=1024
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Go down: close every connection, and refuse new ones."""
        if self._server is not None:
            self._server.close()
            self._server = None
        await self.drop_connections()

    async def drop_connections(self) -> None:
        """Close all connections, and return when the callers have noticed."""
        for writer in self._tasks.values():
            writer.transport.abort()
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=WAIT_S)

    async def wait_for_calls(self, count: int) -> None:
        async with asyncio.timeout(WAIT_S), self._changed:
            await self._changed.wait_for(lambda: self.calls >= count)

    async def wait_for_calls_now(self, count: int) -> None:
        async with asyncio.timeout(WAIT_S), self._changed:
            await self._changed.wait_for(lambda: self.calls_now >= count)

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks[task] = writer
        self.connected_at_s.append(time.monotonic())
        try:
            await self._converse(Connection(reader, writer))
        except (OSError, asyncio.IncompleteReadError):
            pass  # the caller has disconnected
        finally:
            del self._tasks[task]
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _converse(self, connection: Connection) -> None:
        if self.on_connect is not None:
            await self.on_connect(connection)
        while not connection.writer.is_closing():
            script = self._script_for(await _read_request(connection.reader))
            await self._count(calls=1)
            try:
                await script(connection)
            finally:
                await self._count(calls=0)

    def _script_for(self, body: bytes) -> Script:
        for text, script in self.odd_texts.items():
            if f'"{text}"'.encode() in body:
                self.odd_calls += 1
                return script
        return self.next_scripts.pop(0) if self.next_scripts else self.script

    async def _count(self, *, calls: int) -> None:
        async with self._changed:
            self.calls += calls
            self.calls_now += 1 if calls else -1
            self.calls_now_max = max(self.calls_now_max, self.calls_now)
            self._changed.notify_all()


async def _read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        int(line.partition(b":")[2])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length:")
    )
    return await reader.readexactly(length)


@asynccontextmanager
async def running_upstream(tls: ssl.SSLContext | None = None) -> AsyncIterator[Upstream]:
    upstream = Upstream()
    await upstream.start(tls)
    try:
        yield upstream
    finally:
        await upstream.stop()


@asynccontextmanager
async def doing(
    upstream: Upstream, script: Script, *, on_connect: Script | None = None
) -> AsyncIterator[None]:
    """Answer every call with this until the block ends; `on_connect` affects new connections."""
    upstream.script, upstream.on_connect = script, on_connect
    if on_connect:
        await upstream.drop_connections()
    try:
        yield
    finally:
        upstream.script, upstream.on_connect = works, None
