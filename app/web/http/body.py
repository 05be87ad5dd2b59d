"""Reads a request's complete body, within limits of size and time."""

import asyncio
import contextlib
from typing import Final

from starlette.datastructures import Headers
from starlette.types import Receive

from app.web.errors import BodyTimeoutError, BodyTooLargeError
from app.web.http.body_budget import BodyLease

BODY_TIMEOUT_S: Final = 10.0
LINGER_S: Final = 1.0
LINGER_BYTES_MAX: Final = 16 * 1024 * 1024
_DIGITS_MAX: Final = 20  # of a declared length; Python refuses very long numbers


class ClientGoneError(Exception):
    """The caller disconnected during its request, so there is nobody to answer."""


async def read_body(
    receive: Receive,
    headers: Headers,
    *,
    lease: BodyLease,
    body_bytes_max: int,
    timeout_s: float = BODY_TIMEOUT_S,
) -> bytes:
    """Return the body, of at most `body_bytes_max` bytes, read within `timeout_s`.

    `lease` reserves its bytes as soon as they are known, until the caller releases it.

    Raises:
        OverloadedError: too many bytes are in memory already.
        BodyTooLargeError: it is longer, or declares a larger length.
        BodyTimeoutError: it did not arrive in time.
        ClientGoneError: the caller disconnected.
    """
    try:
        async with asyncio.timeout(timeout_s):
            return await _read(receive, headers, lease, body_bytes_max)
    except TimeoutError as error:
        raise BodyTimeoutError(f"The body took longer than {timeout_s:g} s.") from error


async def refuse_declared_too_large(receive: Receive, headers: Headers, body_bytes_max: int) -> int:
    """Return the declared length of the body, or 0.

    Raises:
        BodyTooLargeError: it is more than `body_bytes_max`.
    """
    declared = _declared_length(headers)
    if declared > body_bytes_max:
        await _linger(receive, headers)
        raise _too_large(body_bytes_max)
    return declared


async def _read(receive: Receive, headers: Headers, lease: BodyLease, body_bytes_max: int) -> bytes:
    declared = await refuse_declared_too_large(receive, headers, body_bytes_max)
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        part = message.get("body", b"")
        size += len(part)
        more_body = message.get("more_body", False)
        if size > body_bytes_max:
            if more_body:
                await _linger(receive, headers)
            raise _too_large(body_bytes_max)
        if not more_body:
            lease.hold_whole(size)
            return b"".join((*parts, part)) if parts else bytes(part)
        if part:
            lease.hold_part(max(declared, size))
            parts.append(part)


def _declared_length(headers: Headers) -> int:
    declared = headers.get("content-length", "0")
    return int(declared[:_DIGITS_MAX]) if declared.isdecimal() else 0


def _too_large(body_bytes_max: int) -> BodyTooLargeError:
    return BodyTooLargeError(f"The body may have at most {body_bytes_max} bytes.")


async def _linger(receive: Receive, headers: Headers) -> None:
    """Read and discard some of the rest, so that the caller can read the answer.

    Closing while a caller still sends resets the connection, and the answer is lost. A caller that
    asks first (Expect: 100-continue) has sent nothing yet.
    """
    if "expect" in headers:
        return
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LINGER_S):
            dropped = 0
            while dropped < LINGER_BYTES_MAX:
                message = await receive()
                dropped += len(message.get("body", b""))
                if not message.get("more_body", False):
                    return
