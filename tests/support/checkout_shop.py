"""A shop: the service, with an Altan Pay whose answers a test chooses."""

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from dataclasses import dataclass
from itertools import count
from typing import Any
from urllib.parse import urlencode

import httpx
import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.support.builders import (
    Service,
)
from tests.support.wire import (
    Connection,
    Script,
    Upstream,
    answer,
)

LINE = {"price": "price_ABC123", "quantity": 2}

CART: dict[str, object] = {"line_items": [LINE]}

PROBLEM_KEYS = {"type", "title", "status", "detail", "code", "request_id"}

NAVIGATION = {
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Sec-Fetch-Mode": "navigate",
}

SHOP = "https://shop.example"

EVIL = "https://evil.example"


@dataclass(frozen=True, slots=True)
class Shop:
    """The whole service on a socket, its database file, and its Altan Pay."""

    service: Service
    altan_pay: Upstream

    @property
    def client(self) -> httpx.AsyncClient:
        return self.service.client

    def rows(self) -> list[dict[str, Any]]:
        with closing(sqlite3.connect(self.service.database_path)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute("SELECT * FROM checkouts ORDER BY id")]

    def ordered(self) -> list[Any]:
        """Return the payloads that Altan Pay received."""
        return [orjson.loads(request.body)["payload"] for request in self.altan_pay.requests]


OpenShop = Callable[..., AbstractAsyncContextManager[Shop]]


def makes_pages() -> Script:
    """An Altan Pay without faults: every call gets a new session."""
    numbers: Iterator[int] = count(1)

    async def script(connection: Connection) -> None:
        url = f"https://checkout.stripe.com/c/pay/cs_test_{next(numbers)}#fid"
        await connection.send(answer(orjson.dumps({"url": url})))

    return script


@asynccontextmanager
async def started(app: ASGIApp) -> AsyncIterator[None]:
    """Run an application's lifespan, as a server does."""
    to_app: asyncio.Queue[Message] = asyncio.Queue()
    from_app: asyncio.Queue[Message] = asyncio.Queue()
    scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
    task = asyncio.create_task(_as_coroutine(app, scope, to_app.get, from_app.put))
    await to_app.put({"type": "lifespan.startup"})
    assert (await from_app.get())["type"] == "lifespan.startup.complete"
    yield
    await to_app.put({"type": "lifespan.shutdown"})
    assert (await from_app.get())["type"] == "lifespan.shutdown.complete"
    await task


async def _as_coroutine(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    await app(scope, receive, send)


async def post_form(
    shop: Shop, *pairs: tuple[str, str], headers: dict[str, str] | None = None
) -> httpx.Response:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    return await shop.client.post(
        "/checkout", content=urlencode(pairs), headers=form | (headers or {})
    )


def assert_problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Check that the answer is this problem, complete and machine-readable."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    problem: dict[str, Any] = response.json()
    assert problem.keys() - {"errors"} == PROBLEM_KEYS
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["type"].endswith(code)
    assert problem["request_id"] == response.headers["x-request-id"]
    assert problem["title"]
    assert problem["detail"]
    return problem


def return_ids(payload: dict[str, Any], started: dict[str, Any]) -> str:
    """Return the parameters that this checkout's success URL must have; its key is random."""
    key = re.search(r"[?&]checkout_key=([\w-]{22})(?![^&#])", payload["success_url"])
    assert key, payload
    ids = f"session_id={{CHECKOUT_SESSION_ID}}&checkout_id={started['checkout_id']}"
    return f"{ids}&checkout_key={key[1]}"


def pointers(problem: dict[str, Any]) -> list[str]:
    assert all(error.keys() == {"pointer", "detail"} for error in problem["errors"])
    return [error["pointer"] for error in problem["errors"]]
