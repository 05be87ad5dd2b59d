"""HTTP responses that break the documented call's contract."""

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
    """Respond with an error status; `Retry_After="1"` sends the header Retry-After."""
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
    """Respond with exactly this body."""

    async def answer(_request: Request, _waits: Waits) -> Response:
        return Response(body, status_code, headers, media_type)

    return answer


def leads_to(url: object) -> Answer:
    """Respond with the documented body, but with this value instead of the payment page's URL."""
    return says(orjson.dumps({"url": url}))


async def compressed(_request: Request, _waits: Waits) -> Response:
    """Send a valid response, compressed although the request did not accept that."""
    body = gzip.compress(orjson.dumps({"url": GOOD_URL}))
    return Response(body, headers={"Content-Encoding": "gzip"}, media_type="application/json")


async def hangs(request: Request, waits: Waits) -> Response:
    """Send nothing until the caller disconnects or a long time has passed."""
    with suppress(TimeoutError):
        async with asyncio.timeout(waits.hang_s):
            # Read the body first, so that the next message can only be the disconnect.
            await request.receive()
    return Response(status_code=504)


async def drips(_request: Request, waits: Waits) -> Response:
    """Send valid headers at once, then one byte a second."""

    async def bytes_of_it() -> AsyncIterator[bytes]:
        body = orjson.dumps({"url": GOOD_URL})
        for index in range(int(waits.hang_s / DRIP_PAUSE_S)):
            yield body[index : index + 1] or b" "
            await asyncio.sleep(DRIP_PAUSE_S)

    return StreamingResponse(bytes_of_it(), media_type="application/json")


async def floods(_request: Request, _waits: Waits) -> Response:
    """Send 500 MB of valid JSON, generated while it is sent."""

    async def chunks_of_it() -> AsyncIterator[bytes]:
        yield b'{"url":"' + GOOD_URL.encode() + b'","padding":"'
        chunk = b"x" * CHUNK_BYTES
        for _ in range(HUGE_BYTES // CHUNK_BYTES):
            yield chunk
        yield b'"}'

    return StreamingResponse(chunks_of_it(), media_type="application/json")
