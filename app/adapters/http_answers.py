"""Reads what an HTTP server answered: bodies up to a size, and what happened instead."""

import httpx


class AnswerRefusedError(httpx.DecodingError):
    """A response that is not read to the end; the message is our own and safe to log."""


async def read_capped(response: httpx.Response, bytes_max: int) -> bytes:
    """Return the body, which must not be compressed: a small one could expand without limit.

    Raises:
        AnswerRefusedError: it is compressed, or longer than `bytes_max`.
        httpx.HTTPError: it ended too early.
    """
    if response.headers.get("content-encoding", "identity") != "identity":
        raise AnswerRefusedError("the answer is compressed, although we asked for identity")
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > bytes_max:
            raise AnswerRefusedError("the answer is too long")
    return bytes(body)


def what_happened(error: BaseException) -> str:
    """Describe an error of a call for the log: our own message, or the most specific class."""
    if isinstance(error, AnswerRefusedError):
        return str(error)
    return type(error.__cause__ or error).__name__
