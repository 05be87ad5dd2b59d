"""Bodies that are too large or too slow."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.adapters.database.sqlite.database import SqliteDatabase
from tests.support.builders import (
    Service,
    event,
    sign,
    to_body,
)
from tests.support.webhook_endpoint import (
    head,
    raw_exchange,
    serving_webhooks,
    webhooks_counted,
    webhooks_over,
)

BODY_BYTES_MAX = 1024 * 1024


def signed() -> str:
    """A header that only the body can prove wrong."""
    return f"Stripe-Signature: {sign(b'another body')}"


async def test_a_body_as_large_as_may_be_is_recorded(endpoint: Service) -> None:
    body = to_body(event()).ljust(BODY_BYTES_MAX)

    answer = await endpoint.deliver(body)

    assert answer.json()["outcome"] == "recorded"


async def test_a_body_that_says_it_is_too_large_is_refused_before_it_is_sent(
    service: Service,
) -> None:
    answer = await raw_exchange(
        service, head(f"Content-Length: {BODY_BYTES_MAX + 1}", "Expect: 100-continue")
    )

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"body_too_large" in answer


async def test_a_body_without_a_declared_length_is_refused_once_it_is_too_large(
    service: Service,
) -> None:
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"

    answer = await raw_exchange(
        service, head("Transfer-Encoding: chunked", signed()), *([chunk] * 17), b"0\r\n\r\n"
    )

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"body_too_large" in answer


async def test_a_chunked_body_is_recorded(service: Service) -> None:
    body = to_body(event())

    async def in_parts() -> AsyncIterator[bytes]:
        for n in range(0, len(body), 100):
            yield body[n : n + 100]

    headers = {"Stripe-Signature": sign(body)}
    answer = await service.client.post("/webhooks/stripe", content=in_parts(), headers=headers)

    assert answer.json()["outcome"] == "recorded"


@pytest.mark.parametrize("sent", [b"", b'{"id":'])
async def test_a_body_that_never_ends_is_cut(database: SqliteDatabase, sent: bytes) -> None:
    app = webhooks_over(database, body_timeout_s=0.05)

    async with serving_webhooks(app, Path()) as service:
        answer = await raw_exchange(service, head("Content-Length: 100", signed()), sent)

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"body_timeout" in answer


async def test_nothing_remains_after_a_caller_disconnects(service: Service) -> None:
    _, writer = await asyncio.open_connection(*service.address)
    writer.write(head("Content-Length: 100", signed()) + b'{"id":')
    await writer.drain()
    writer.close()
    await writer.wait_closed()

    answer = await service.deliver(event())

    assert answer.status_code == 200
    assert set(await webhooks_counted(service)) == {"recorded"}
