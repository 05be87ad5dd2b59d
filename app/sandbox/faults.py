"""Prices whose names make Altan Pay fail: put one in a cart to see what the shop does then."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from types import MappingProxyType

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from app.sandbox.config import Waits
from app.sandbox.sessions import Order

Fault = Callable[[Request, Waits], Awaitable[Response]]


async def _answer_500(_request: Request, _waits: Waits) -> Response:
    return JSONResponse({"error": {"message": "Something broke here."}}, status_code=500)


async def _answer_400(_request: Request, _waits: Waits) -> Response:
    return JSONResponse({"error": {"message": "No such price."}}, status_code=400)


async def _answer_malformed(_request: Request, _waits: Waits) -> Response:
    return HTMLResponse("<!doctype html><title>Maintenance</title><p>We are back soon.")


async def _hang(request: Request, waits: Waits) -> Response:
    """Answer nothing until the caller hangs up, or much too late."""
    with suppress(TimeoutError):
        async with asyncio.timeout(waits.hang_s):
            # The body is read, so that the next message can only be the caller's leaving.
            await request.receive()
    return JSONResponse({"error": {"message": "Too late."}}, status_code=504)


FAULTS: Mapping[str, Fault] = MappingProxyType(
    {
        "price_fault_400": _answer_400,
        "price_fault_500": _answer_500,
        "price_fault_malformed": _answer_malformed,
        "price_fault_hang": _hang,
    }
)


def find_fault(order: Order) -> Fault | None:
    """Return what the first line with a magic price asks for, or None."""
    return next(
        (FAULTS[line.price.id] for line in order.lines if line.price.id in FAULTS),
        None,
    )
