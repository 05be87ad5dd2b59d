"""Reads request bodies up to a limit, and plain HTML forms."""

from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request

BODY_BYTES_MAX = 64 * 1024
FIELDS_MAX = 50


async def read_body(request: Request) -> bytes:
    """Return the complete body.

    Raises:
        HTTPException: 413, as soon as more than 64 KiB have arrived.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            raise HTTPException(413, f"The body is longer than {BODY_BYTES_MAX} bytes.")
    return bytes(body)


async def read_form(request: Request) -> dict[str, str]:
    """Return a URL-encoded form's fields; the last value of a repeated field wins.

    Raises:
        HTTPException: 400 if the body is not such a form, 413 if it is too long.
    """
    body = await read_body(request)
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=FIELDS_MAX))
    except ValueError as error:
        raise HTTPException(400, "The body is not a URL-encoded form.") from error
