"""A server with our limits, in a test's event loop, and clients that send raw bytes."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
import uvicorn
from starlette.types import Receive, Scope, Send

from app.web.http.guarded_http import GuardedHttp

HEAD = b"GET / HTTP/1.1\r\nHost: x\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
PATIENCE_S = 60.0
FIRST = 16 * 1024  # the kernel surely accepts this at once
FLOOD = 24 * 1024 * 1024


@dataclass(slots=True)
class Application:
    """Answers 200, at a chosen pace, and records its requests."""

    paths: list[str] = field(default_factory=list)
    pace_s: float = 0.0
    reads_body: bool = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.paths.append(scope["path"])
        while self.reads_body:
            message = await receive()
            if not message.get("more_body", False):
                break
        await asyncio.sleep(self.pace_s)
        headers = [(b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"ok"})


@dataclass(frozen=True, slots=True)
class Guarded:
    """A server with our limits."""

    port: int
    application: Application
    protocol: type[GuardedHttp]

    @asynccontextmanager
    async def connect(
        self, first: bytes = b""
    ) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """Open a connection on which `first` has arrived before the server reads."""
        client = socket.create_connection(("127.0.0.1", self.port))
        client.sendall(first)
        client.settimeout(0)
        reader, writer = await asyncio.open_connection(sock=client)
        try:
            yield reader, writer
        finally:
            writer.close()

    async def answer_to(self, data: bytes) -> bytes:
        """Return everything that the server sends until it closes."""
        sent_first, rest = data[:FIRST], data[FIRST:]
        async with (
            self.connect(sent_first) as (reader, writer),
            asyncio.timeout(PATIENCE_S),
        ):
            writer.write(rest)
            try:
                return await reader.read()
            except ConnectionResetError:
                return b""

    async def bytes_taken(self, start: bytes, again: bytes) -> int:
        """Return how much of an endless request the server accepts before it disconnects."""
        taken = 0
        async with self.connect() as (_, writer), asyncio.timeout(PATIENCE_S):
            try:
                writer.write(start)
                while taken < FLOOD:
                    writer.write(again)
                    await writer.drain()
                    taken += len(again)
            except ConnectionError:
                pass
        return taken

    async def serves(self) -> bool:
        self.protocol.head_timeout_s = (
            PATIENCE_S  # honest clients may be slow, and so may the machine
        )
        async with httpx.AsyncClient(trust_env=False) as client:
            response = await client.get(f"http://127.0.0.1:{self.port}/next-client")
        return response.text == "ok" and self.application.paths[-1] == "/next-client"


@asynccontextmanager
async def guarded(
    protocol: type[GuardedHttp] = GuardedHttp, application: Application | None = None
) -> AsyncIterator[Guarded]:
    app = application or Application()
    listener = socket.create_server(("127.0.0.1", 0))
    own = type(protocol.__name__, (protocol,), {})
    config = uvicorn.Config(
        app, http=own, ws="none", lifespan="off", log_config=None, timeout_keep_alive=60
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield Guarded(listener.getsockname()[1], app, own)
    finally:
        server.should_exit = True
        await task
