"""Tells whether the client is still connected, and cancels work for one that has left."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.types import Receive

from app.web.http.body import ClientGoneError

T = TypeVar("T")

_request: ContextVar[Request | None] = ContextVar("_request", default=None)


@contextmanager
def current_request(request: Request) -> Iterator[None]:
    """Let `is_connected` answer for this request, in this task and the tasks that it starts.

    A context variable, because what asks, a retry, is many layers away from the request.
    """
    token = _request.set(request)
    try:
        yield
    finally:
        _request.reset(token)


async def is_connected() -> bool:
    """Return whether the current request's client is still connected; true without a request."""
    request = _request.get()
    return request is None or not await request.is_disconnected()


async def while_connected(work: Coroutine[Any, Any, T], receive: Receive) -> T:
    """Return the result of `work`; cancel it as soon as the client disconnects.

    Raises:
        ClientGoneError: the client has disconnected.
    """
    working, leaving = asyncio.create_task(work), asyncio.create_task(_disconnected(receive))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientGoneError
        return working.result()
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
