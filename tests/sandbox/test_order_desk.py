"""The shop's order desk, against a service that a test scripts, over a socket."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import orjson
import pytest

from sandbox.server import SandboxConfig
from tests.support.sandbox.local_servers import running_sandbox
from tests.support.wire import Upstream, answer, closed_port, upstream

TOKEN = "a-token-of-the-demo-0123456789"
ORDER = {
    "id": "chk_1",
    "session_id": "cs_test_1",
    "client_reference_id": "order-42",
    "line_items": [
        {"price": "price_sandbox_mug", "quantity": 2},
        {"price": "price_<b>", "quantity": 1},
    ],
    "amount_total": 2900,
    "currency": "usd",
    "status": "partially_refunded",
    "flags": ["price_mismatch", "disputed"],
    "customer": {"email": "ann@mail.example"},
    "created_at": "2026-11-29T15:00:00.000Z",
}
BARE = ORDER | {
    "id": "chk_2",
    "session_id": None,
    "client_reference_id": None,
    "line_items": [],
    "amount_total": None,
    "currency": None,
    "flags": [],
    "customer": None,
}


def listing(*orders: object) -> bytes:
    return answer(orjson.dumps({"orders": orders, "next_cursor": None}))


@asynccontextmanager
async def desk(service_url: str, token: str = TOKEN) -> AsyncIterator[httpx.AsyncClient]:
    config = SandboxConfig(
        public_url="http://sandbox.test",
        webhook_url=f"{service_url}/webhooks/stripe",
        api_token=token,
    )
    async with running_sandbox(config) as sandbox:
        yield sandbox


async def shown(server: Upstream) -> httpx.Response:
    async with desk(server.url) as sandbox:
        return await sandbox.get("/sandbox/orders")


async def test_orders_are_asked_for_with_the_token_which_no_browser_gets() -> None:
    async with upstream(listing(ORDER)) as server:
        page = await shown(server)

    (request,) = server.requests
    assert request.line == "GET /orders?limit=50 HTTP/1.1"
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert TOKEN not in page.text + str(page.headers)


async def test_an_order_is_shown_with_what_a_clerk_needs() -> None:
    async with upstream(listing(ORDER)) as server:
        page = await shown(server)

    assert page.status_code == 200
    items = "Stoneware mug \u00d7 2, price_&lt;b&gt; \u00d7 1"
    assert f'<a href="/c/pay/cs_test_1">{items}</a>' in page.text
    assert "<strong>$29.00</strong>" in page.text
    words = "order-42 \u00b7 partially refunded (price mismatch, disputed) \u00b7 ann@mail.example"
    assert f"<span>{words}</span>" in page.text
    assert "29 Nov 15:00:00 UTC" in page.text


async def test_an_order_of_which_little_is_known_is_shown_too() -> None:
    async with upstream(listing(BARE)) as server:
        page = await shown(server)

    assert "<span>unknown</span>" in page.text
    assert "<span>chk_2 \u00b7 partially refunded</span>" in page.text


async def test_before_the_first_order_it_says_what_to_do() -> None:
    async with upstream(listing()) as server:
        page = await shown(server)

    assert "There are no orders yet" in page.text


@pytest.mark.parametrize("status", ["401 No", "404 No", "503 No"])
async def test_a_refusal_is_told_with_what_to_do(status: str) -> None:
    async with upstream(answer(b"{}", status=status)) as server:
        page = await shown(server)

    assert page.status_code == 502
    assert f"answered {status[:3]} to GET /orders" in page.text
    assert "API_TOKENS" in page.text


async def test_a_service_that_is_down_is_told() -> None:
    async with desk(f"http://127.0.0.1:{closed_port()}") as sandbox:
        page = await sandbox.get("/sandbox/orders")

    assert page.status_code == 502
    assert "cannot be reached" in page.text


async def test_without_a_token_it_says_which_setting_it_needs() -> None:
    async with upstream() as server, desk(server.url, token="") as sandbox:
        page = await sandbox.get("/sandbox/orders")

    assert "SANDBOX_API_TOKEN" in page.text
    assert server.requests == []


async def test_a_strange_host_is_refused_as_on_every_page() -> None:
    async with upstream(listing(ORDER)) as server, desk(server.url) as sandbox:
        page = await sandbox.get("/sandbox/orders", headers={"Host": "evil.example"})

    assert page.status_code == 403
    assert server.requests == []


def test_the_token_is_in_no_repr() -> None:
    assert TOKEN not in repr(SandboxConfig(api_token=TOKEN))
