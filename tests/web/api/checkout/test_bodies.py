"""Bodies: their media types, their JSON, their size."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from tests.support.builders import (
    running_service,
    settings,
)
from tests.support.checkout_shop import CART, OpenShop, Shop, assert_problem, makes_pages
from tests.support.wire import Connection, upstream

BODY_BYTES_MAX = 64 * 1024
LOOKS_LIKE_JSON = "The body looks like JSON: send it with Content-Type: application/json."


@pytest.fixture
async def shop_on_a_socket(database_path: Path) -> AsyncIterator[Shop]:
    async with upstream(makes_pages()) as altan_pay:
        shop_settings = settings(database_path.parent, altan_pay_url=altan_pay.url)
        async with running_service(shop_settings) as service:
            yield Shop(service, altan_pay)


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "application/xml",
        "multipart/form-data; boundary=x",
        "application/jsonp",
        "text/plain; application/json",
        "application/*",
        "\xff",
    ],
)
async def test_a_body_of_another_kind_is_refused(shop: Shop, content_type: str | None) -> None:
    headers = {} if content_type is None else {b"Content-Type": content_type.encode("latin-1")}

    response = await shop.client.post("/checkout", content=orjson.dumps(CART), headers=headers)
    other = await shop.client.post("/checkout", content=b"<cart>", headers=headers)

    problem = assert_problem(response, 415, "unsupported_media_type")
    assert problem["detail"] == LOOKS_LIKE_JSON
    assert assert_problem(other, 415, "unsupported_media_type")["detail"] != LOOKS_LIKE_JSON


async def test_a_body_is_not_kept_while_altan_pay_is_asked(open_shop: OpenShop) -> None:
    body = orjson.dumps(CART) + b" " * (BODY_BYTES_MAX // 2)
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    gate = asyncio.Event()

    async def waits(connection: Connection) -> None:
        await gate.wait()
        await makes_pages()(connection)

    async with open_shop(waits) as shop:
        sent = asyncio.create_task(shop.client.post("/checkout", content=body, headers=headers))
        await shop.altan_pay.wait_for_requests(1)
        metrics = (await shop.client.get("/metrics")).text
        gate.set()
        answer = await sent

    assert answer.status_code == 200
    assert 'altan_checkout_body_bytes{kind="carts"} 0.0' in metrics


@pytest.mark.parametrize("body", [orjson.dumps(CART), b' \n[{"a": 1}]', b'{"line_items": [1,]}'])
async def test_json_that_was_sent_as_a_form_is_said_to_be_json(shop: Shop, body: bytes) -> None:
    """As `curl -d` does without a header."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}

    response = await shop.client.post("/checkout", content=body, headers=headers)

    problem = assert_problem(response, 422, "invalid_cart")
    assert problem["detail"] == LOOKS_LIKE_JSON
    assert problem["errors"] == [{"pointer": "", "detail": LOOKS_LIKE_JSON}]


@pytest.mark.parametrize(
    "content_type", ["application/json; charset=utf-8", "APPLICATION/JSON", "application/json ;"]
)
async def test_json_is_recognized_with_any_parameters(shop: Shop, content_type: str) -> None:
    response = await shop.client.post(
        "/checkout", content=orjson.dumps(CART), headers={"Content-Type": content_type}
    )

    assert response.status_code == 303


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{'line_items': []}",
        b'{"line_items": [1,]}',
        b'{"quantity": NaN}',
        b'{"a": 01}',
        b"\xef\xbb\xbf{}",
        b'{"a": "\xff"}',
        '{"line_items": []}'.encode("utf-16"),
        b'"\\ud800"',
        b"[" * 60_000,
        b'{"a":' * 10_000,
        b"{} {}",
        b"\x00",
    ],
    ids=lambda body: ascii(body[:30]),
)
async def test_what_is_not_json_in_utf8_is_refused(shop: Shop, body: bytes) -> None:
    response = await shop.client.post(
        "/checkout", content=body, headers={"Content-Type": "application/json"}
    )

    assert_problem(response, 400, "invalid_json")


async def test_a_body_of_64_kib_is_read_and_one_byte_more_is_not(shop_on_a_socket: Shop) -> None:
    shop = shop_on_a_socket
    headers = {"Content-Type": "application/json"}
    body = orjson.dumps(CART).ljust(BODY_BYTES_MAX)

    async def in_chunks(data: bytes) -> AsyncIterator[bytes]:
        for start in range(0, len(data), 8000):
            yield data[start : start + 8000]

    for content in (body, in_chunks(body)):
        response = await shop.client.post("/checkout", content=content, headers=headers)
        assert response.status_code == 303
    for content in (body + b" ", in_chunks(body + b" "), b" " * 5_000_000):
        response = await shop.client.post("/checkout", content=content, headers=headers)
        assert_problem(response, 413, "body_too_large")
        assert response.headers["connection"] == "close"


async def test_a_length_that_is_only_declared_is_refused_before_the_body_comes(
    shop_on_a_socket: Shop,
) -> None:
    reader, writer = await asyncio.open_connection(*shop_on_a_socket.service.address)
    writer.write(
        b"POST /checkout HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Content-Length: 70000\r\nExpect: 100-continue\r\n\r\n"
    )

    async with asyncio.timeout(60):
        response = await reader.read()
    writer.close()

    assert response.startswith(b"HTTP/1.1 413 ")
    assert b"100 Continue" not in response
