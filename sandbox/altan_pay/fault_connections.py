"""Connection failures that ASGI cannot express, written straight to the socket."""

import asyncio
import socket
import struct
from contextlib import suppress
from typing import cast

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from sandbox.config import Waits

HEAD_OF_400_BYTES = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 400\r\n\r\n"
)
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n" * 50
HINTS_PAUSE_S = 0.01


async def resets(request: Request, waits: Waits) -> Response:
    """Send RST once the request was read, like a crashed machine or a firewall."""
    _reset(_connection_of(request))
    return await _after_the_end(request, waits)


async def resets_midway(request: Request, waits: Waits) -> Response:
    """Send RST in the middle of the response body."""
    connection = _connection_of(request)
    connection.write(HEAD_OF_400_BYTES + b'{"url":"https://che')
    _reset(connection)
    return await _after_the_end(request, waits)


async def stops_midway(request: Request, waits: Waits) -> Response:
    """Send half a response, then close the connection in an orderly way."""
    connection = _connection_of(request)
    connection.write(HEAD_OF_400_BYTES + b'{"url":"https://che')
    connection.close()
    return await _after_the_end(request, waits)


async def talks_nonsense(request: Request, waits: Waits) -> Response:
    """Send a mail server's greeting instead of HTTP."""
    connection = _connection_of(request)
    connection.write(b"220 mail.example ESMTP ready\r\n\r\n")
    connection.close()
    return await _after_the_end(request, waits)


async def hints_for_ever(request: Request, waits: Waits) -> Response:
    """Send 5,000 interim responses a second, and never the final one."""
    connection = _connection_of(request)
    with suppress(TimeoutError):
        async with asyncio.timeout(waits.hang_s):
            while not connection.is_closing():
                connection.write(HINTS)
                await asyncio.sleep(HINTS_PAUSE_S)
    connection.close()
    return await _after_the_end(request, waits)


def _connection_of(request: Request) -> asyncio.Transport:
    """Return the connection that uvicorn holds behind its `receive` callable.

    ASGI does not expose it. Under any other server there is no connection to break.
    """
    server_side = getattr(request.receive, "__self__", None)
    connection = getattr(server_side, "transport", None)
    if connection is None:
        raise HTTPException(501, "This fault needs a real connection: run the sandbox itself.")
    return cast("asyncio.Transport", connection)  # uvloop's has its methods, not its base


def _reset(connection: asyncio.Transport) -> None:
    """Close with RST instead of FIN; unsent data is dropped."""
    under_it: socket.socket = connection.get_extra_info("socket")
    under_it.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.abort()


async def _after_the_end(request: Request, waits: Waits) -> Response:
    """Return an empty response, which the server drops because the connection is closed."""
    with suppress(TimeoutError):
        async with asyncio.timeout(waits.hang_s):
            while (await request.receive())["type"] != "http.disconnect":
                pass
    return Response(status_code=500)
