"""What the faulty prices send, seen by a client on a raw socket."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from starlette.requests import Request

from sandbox.altan_pay.faults import FAILED_ONCE_MAX, FAULTS, Faults
from sandbox.altan_pay.orders import parse_order
from sandbox.server import SandboxConfig, Waits, create_sandbox
from tests.support.sandbox.local_servers import CREATE_PATH, DEADLINE_S, listen, order_body, serving

ON_THE_CONNECTION = (
    "price_fault_reset",
    "price_fault_reset_midway",
    "price_fault_half",
    "price_fault_garbage",
    "price_fault_hints",
)
REDIRECTED = {"price_fault_redirect": 302}


@pytest.fixture
async def url() -> AsyncIterator[str]:
    listener, url = listen()
    app = create_sandbox(SandboxConfig(), waits=Waits(hang_s=2))
    async with serving(app, listener):
        yield url


@asynccontextmanager
async def asking(
    url: str, price: str
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection on which a cart with this price was sent."""
    body = json.dumps(order_body((price, 1))).encode()
    head = (
        f"POST {CREATE_PATH} HTTP/1.1\r\nHost: localhost\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        async with asyncio.timeout(DEADLINE_S):
            writer.write(head.encode() + body)
            yield reader, writer
    finally:
        writer.close()


async def said(url: str, price: str) -> bytes:
    """Everything that comes, up to the orderly end of the connection."""
    async with asking(url, price) as (reader, _):
        return await reader.read()


@pytest.mark.parametrize("price", ["price_fault_reset", "price_fault_reset_midway"])
async def test_a_reset_is_no_orderly_end(url: str, price: str) -> None:
    with pytest.raises(ConnectionResetError):
        await said(url, price)


async def test_half_an_answer_is_shorter_than_it_said(url: str) -> None:
    head, _, body = (await said(url, "price_fault_half")).partition(b"\r\n\r\n")

    assert b"Content-Length: 400" in head
    assert 0 < len(body) < 400


async def test_garbage_is_not_http(url: str) -> None:
    assert (await said(url, "price_fault_garbage")).startswith(b"220 ")


async def test_hints_come_without_end_but_not_for_ever(url: str) -> None:
    heads = (await said(url, "price_fault_hints")).split(b"\r\n\r\n")

    assert len(heads) > 500
    assert all(head.startswith(b"HTTP/1.1 103 ") for head in heads if head)


async def test_a_drip_is_a_byte_a_second_and_ends(url: str) -> None:
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
        response = await client.post(CREATE_PATH, json=order_body(("price_fault_drip", 1)))

    assert response.status_code == 200
    assert response.content == b'{"'


async def test_the_huge_answer_is_sent_while_it_is_made(url: str) -> None:
    async with asking(url, "price_fault_huge") as (reader, _):
        beginning = await reader.readexactly(1_000_000)

    assert beginning.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "price",
    [
        price
        for price, fault in FAULTS.items()
        if fault.code in {"altan_pay_malformed", "cart_refused", "altan_pay_misconfigured"}
        and price not in {*ON_THE_CONNECTION, "price_fault_huge"}
    ],
)
async def test_what_is_wrong_with_the_other_answers_is_not_http(url: str, price: str) -> None:
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
        response = await client.post(CREATE_PATH, json=order_body((price, 1)))

    number = price.rpartition("_")[2]
    said_by_name = int(number) if number.isdecimal() else 200
    assert response.status_code == REDIRECTED.get(price, said_by_name)


async def test_patience_is_asked_for_in_seconds(url: str) -> None:
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
        little = await client.post(CREATE_PATH, json=order_body(("price_fault_429", 1)))
        much = await client.post(CREATE_PATH, json=order_body(("price_fault_503", 1)))

    assert (little.status_code, little.headers["retry-after"]) == (429, "1")
    assert (much.status_code, much.headers["retry-after"]) == (503, "120")


async def test_what_fails_once_works_the_next_time_for_the_very_same_cart(url: str) -> None:
    first = order_body(("price_fault_500_once", 1), success_url="https://shop.test/?id=1")
    other = order_body(("price_fault_500_once", 1), success_url="https://shop.test/?id=2")

    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
        statuses = [
            (await client.post(CREATE_PATH, json=body)).status_code
            for body in (first, other, first, other, first)
        ]

    assert statuses == [500, 500, 200, 200, 500]


async def test_a_connection_that_a_fault_broke_leaves_the_sandbox_well(url: str) -> None:
    for price in ON_THE_CONNECTION[:-1]:
        async with asking(url, price):
            pass
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
        response = await client.post(CREATE_PATH, json=order_body())

    assert response.status_code == 200


@pytest.mark.parametrize("price", ON_THE_CONNECTION)
async def test_without_a_connection_such_a_fault_says_so(
    sandbox: httpx.AsyncClient, price: str
) -> None:
    response = await sandbox.post(CREATE_PATH, json=order_body((price, 1)))

    assert response.status_code == 501
    assert "connection" in response.json()["error"]["message"]


async def test_what_failed_once_is_forgotten_one_day() -> None:
    faults = Faults(Waits())

    def order(number: int) -> bytes:
        body = order_body(("price_fault_500_once", 1), success_url=f"https://shop.test/{number}")
        return json.dumps(body).encode()

    request = Request({"type": "http"})
    for number in range(FAILED_ONCE_MAX + 1):
        assert await faults.answer(parse_order(order(number)), request)

    assert await faults.answer(parse_order(order(0)), request)
    assert not await faults.answer(parse_order(order(5)), request)
