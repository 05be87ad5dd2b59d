"""Raw sockets, the whole service: a request must have exactly one host."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.web.http.host_header import host_fault
from tests.support.builders import (
    DEADLINE_S,
    Service,
    event,
    running_service,
    settings,
    sign,
    to_body,
)

CART = b'{"line_items": [{"price": "price_A", "quantity": 1}]}'
TARGETS = [
    *(b"GET /checkout/cs_test_1", b"GET /checkout/cs_test_1/events", b"GET /checkout.js"),
    *(b"GET /checkout/page", b"HEAD /health/live", b"GET /metrics", b"GET /docs", b"GET /nowhere"),
    *(b"OPTIONS /checkout", b"POST /checkout", b"POST /webhooks/stripe", b"POST /webhooks/stripe/"),
    *(b"GET http://shop.example/checkout/cs_test_1", b"OPTIONS *"),
]
# What is wrong with the head's other lines, and words of the answer.
WRONG = [
    (b"", b"no Host header"),
    (b"Hosts: a\r\nX-Host: a\r\n", b"no Host header"),
    (b"Host: a\r\nHost: b\r\n", b"more than one Host header"),
    (b"Host: a\r\nhost: a\r\n", b"more than one Host header"),
    (b"HOST: a\r\nX-A: b\r\nHost:\r\n", b"more than one Host header"),
    (b"Host: a b\r\n", b"not a host"),
    (b"Host: a/checkout\r\n", b"not a host"),
    (b"Host: user@a\r\n", b"not a host"),
]


@pytest.fixture
async def service(database_path: Path) -> AsyncIterator[Service]:
    async with running_service(settings(database_path.parent)) as service:
        yield service


async def answer_to(service: Service, head: bytes, body: bytes = b"") -> bytes:
    """All that the server says until it closes."""
    reader, writer = await asyncio.open_connection(*service.address)
    try:
        async with asyncio.timeout(DEADLINE_S):
            length = b"Content-Length: %d\r\n" % len(body)
            writer.write(head + length + b"Connection: close\r\n\r\n" + body)
            return await reader.read()
    finally:
        writer.close()


@pytest.mark.parametrize("target", TARGETS, ids=bytes.decode)
async def test_every_endpoint_refuses_a_request_without_exactly_one_host(
    service: Service, target: bytes
) -> None:
    for lines, words in WRONG:
        answer = await answer_to(service, target + b" HTTP/1.1\r\n" + lines)

        assert answer.startswith(b"HTTP/1.1 400 "), answer
        assert words in answer
        assert answer.count(b"HTTP/1.1 ") == 1


async def test_neither_a_cart_nor_an_event_is_taken_without_a_host(service: Service) -> None:
    body = to_body(event())
    signature = f"Stripe-Signature: {sign(body)}\r\n".encode()
    head = b"POST /webhooks/stripe HTTP/1.1\r\n"

    without = await answer_to(service, head + signature, body)
    twice = await answer_to(service, head + b"Host: a\r\nHost: a\r\n" + signature, body)
    once = await answer_to(service, head + b"Host: a\r\n" + signature, body)

    assert without.startswith(b"HTTP/1.1 400 ")
    assert twice.startswith(b"HTTP/1.1 400 ")
    assert once.startswith(b"HTTP/1.1 200 ")
    assert b'"recorded"' in once


async def test_what_follows_a_refused_request_on_its_connection_is_not_read(
    service: Service,
) -> None:
    smuggled = b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n"

    answer = await answer_to(service, b"POST /checkout HTTP/1.1\r\n", smuggled)

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize(
    "lines",
    [
        *(b"Host: checkout.shop.example\r\n", b"host:   a:8000  \r\n", b"Host: [::1]:8000\r\n"),
        *(b"Host: my_service-1.internal.\r\n", b"Host: 127.0.0.1\r\n", b"Host:\r\n"),
    ],
)
async def test_one_host_with_any_name_is_enough(service: Service, lines: bytes) -> None:
    answer = await answer_to(service, b"GET /health/live HTTP/1.1\r\n" + lines)

    assert answer.startswith(b"HTTP/1.1 200 ")


async def test_version_1_0_knows_no_host_header_but_must_not_send_two(service: Service) -> None:
    none = await answer_to(service, b"GET /health/live HTTP/1.0\r\n")
    two = await answer_to(service, b"GET /health/live HTTP/1.0\r\nHost: a\r\nHost: b\r\n")

    assert none.startswith(b"HTTP/1.1 200 ")
    assert two.startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    ("target", "status"),
    [
        (b"GET http://other.example/health/live", b"200"),  # a proxy's form; RFC 9112, 3.2.2
        (b"GET https://other.example:8443/health/live?a", b"200"),
        (b"GET http://other.example/webhooks/stripe", b"405"),
        (b"GET http://other.example", b"400"),
        (b"GET //other.example/health/live", b"404"),
        (b"OPTIONS *", b"404"),
        (b"CONNECT other.example:443", b"400"),
        (b"GET health/live", b"400"),
    ],
)
async def test_a_target_of_another_form_leads_nowhere_else(
    service: Service, target: bytes, status: bytes
) -> None:
    answer = await answer_to(service, target + b" HTTP/1.1\r\nHost: a\r\n")

    assert answer.split(b" ")[1] == status, answer
    assert b"other.example" not in answer


def test_only_hosts_count() -> None:
    assert host_fault([(b"x-forwarded-host", b"a"), (b"host", b"b")], "1.1") is None
    assert host_fault([(b"x-forwarded-host", b"a")], "2.0") == "The request has no Host header."
