"""Answers that are HTTP, and still not what the documented call promises."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from sandbox.config import Waits

Answer = Callable[[Request, Waits], Awaitable[Response]]

HUGE_BYTES = 500 * 1024 * 1024
CHUNK_BYTES = 64 * 1024
DRIP_PAUSE_S = 1.0
GOOD_URL = "https://checkout.stripe.com/c/pay/cs_test_fault#fid"


def refuses(status_code: int, **headers: str) -> Answer:
    """With an error's status; `Retry_After="1"` stands for the header Retry-After."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    body = orjson.dumps({"error": {"message": f"The sandbox was asked for a {status_code}."}})
    return says(body, status_code=status_code, headers=named)


def says(
    body: bytes,
    *,
    status_code: int = 200,
    media_type: str = "application/json",
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """With this very body."""

    async def answer(_request: Request, _waits: Waits) -> Response:
        return Response(body, status_code, headers, media_type)

    return answer


def leads_to(url: object) -> Answer:
    """With the documented body, but this in the place of the payment page's address."""
    return says(orjson.dumps({"url": url}))


async def compressed(_request: Request, _waits: Waits) -> Response:
    """A good answer that nobody asked to have compressed."""
    body = gzip.compress(orjson.dumps({"url": GOOD_URL}))
    return Response(body, headers={"Content-Encoding": "gzip"}, media_type="application/json")


async def hangs(request: Request, waits: Waits) -> Response:
    """Nothing until the caller hangs up, or much too late."""
    with suppress(TimeoutError):
        async with asyncio.timeout(waits.hang_s):
            # The body is read, so that the next message can only be the caller's leaving.
            await request.receive()
    return Response(status_code=504)


async def drips(_request: Request, waits: Waits) -> Response:
    """A good head at once, then a byte a second."""

    async def bytes_of_it() -> AsyncIterator[bytes]:
        body = orjson.dumps({"url": GOOD_URL})
        for index in range(int(waits.hang_s / DRIP_PAUSE_S)):
            yield body[index : index + 1] or b" "
            await asyncio.sleep(DRIP_PAUSE_S)

    return StreamingResponse(bytes_of_it(), media_type="application/json")


async def floods(_request: Request, _waits: Waits) -> Response:
    """500 MB that would even be valid JSON, made while they are sent."""

    async def chunks_of_it() -> AsyncIterator[bytes]:
        yield b'{"url":"' + GOOD_URL.encode() + b'","padding":"'
        chunk = b"x" * CHUNK_BYTES
        for _ in range(HUGE_BYTES // CHUNK_BYTES):
            yield chunk
        yield b'"}'

    return StreamingResponse(chunks_of_it(), media_type="application/json")
