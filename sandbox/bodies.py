"""Request bodies, read within bounds, and plain HTML forms."""

from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request

BODY_BYTES_MAX = 64 * 1024
FIELDS_MAX = 50


async def read_body(request: Request) -> bytes:
    """Return the whole body.

    Raises:
        HTTPException: 413, as soon as it is known to be longer than 64 KiB.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            raise HTTPException(413, f"The body is longer than {BODY_BYTES_MAX} bytes.")
    return bytes(body)


async def read_form(request: Request) -> dict[str, str]:
    """Return a URL-encoded form's fields; of a repeated field the last value counts.

    Raises:
        HTTPException: 400 for what is not such a form, 413 for too long a one.
    """
    body = await read_body(request)
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=FIELDS_MAX))
    except ValueError as error:
        raise HTTPException(400, "The body is not a URL-encoded form.") from error
