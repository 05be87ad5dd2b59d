"""HEAD: the headers of GET without its body, over the whole service (RFC 9110, 9.3.2)."""

from pathlib import Path

import pytest

from tests.support.builders import SESSION_ID, event
from tests.support.orders import bearer, order_shop

pytestmark = pytest.mark.anyio
STREAM = "/checkout/{id}/events"  # it has no end, so HEAD would only hold a place
HEADERS = ("cache-control", "content-type", "etag", "location", "vary")


async def test_head_is_answered_like_get_without_the_body(database_path: Path) -> None:
    async with order_shop(database_path) as shop:
        client = shop.service.client
        await shop.service.deliver(event())
        described = (await client.get("/openapi.json")).json()["paths"]
        paths = [path for path, methods in described.items() if "get" in methods]
        paths.remove(STREAM)
        for path in paths:
            url = path.replace("{id}", SESSION_ID) + (
                f"?session_id={SESSION_ID}" if path == "/checkout/page" else ""
            )
            got = await client.get(url, headers=bearer())
            headed = await client.head(url, headers=bearer())

            assert headed.status_code == got.status_code < 400, path
            assert headed.content == b""
            assert {name: headed.headers.get(name) for name in HEADERS} == {
                name: got.headers.get(name) for name in HEADERS
            }, path
    assert {"/checkout/{id}", "/orders", "/orders/{id}", "/notifications"} <= set(paths)
