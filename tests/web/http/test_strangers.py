"""A real service process, and strangers who take what they can: memory, files, its end."""

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from app.serving import DRAIN_S
from app.web.http.connections import CONNECTIONS_OF_PEER_MAX
from tests.support.builders import DEADLINE_S, ServiceProcess, event, running_process, sign
from tests.support.strangers import MIB, connected, most_resident_mib, open_files

MEMORY_MIB_MAX = 512  # docs/deployment.md
MANY = 2_000
BODY = b"x" * MIB
UNSIGNED = b"POST /webhooks/stripe HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % MIB
STUCK = 300
GET = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"


def forged() -> bytes:
    """A head that nobody can tell from Stripe's before the body is there."""
    signature = f"Stripe-Signature: {sign(b'another body')}\r\n\r\n".encode()
    return UNSIGNED.removesuffix(b"\r\n") + signature


async def still_serves(running: ServiceProcess) -> None:
    """Stripe and buyers, while strangers are at it."""
    assert (await running.service.deliver(event())).status_code == 200
    assert (await running.service.client.get("/health/live")).status_code == 200


async def flood(running: ServiceProcess, head: bytes) -> list[int | None]:
    """MANY bodies of 1 MiB at once; each connection's answer."""
    await running.service.client.get("/health/live")  # which holds its own connection from now on
    async with AsyncExitStack() as stack:

        async def send() -> int | None:
            (connection,) = await stack.enter_async_context(connected(running.service.address, 1))
            sending = asyncio.create_task(connection.say(head + BODY))
            status = await connection.status()
            sending.cancel()
            return status

        statuses = list(await asyncio.gather(*(send() for _ in range(MANY))))
        await still_serves(running)
        return statuses


async def test_two_thousand_unsigned_bodies_at_once_take_little_memory(tmp_path: Path) -> None:
    async with running_process(tmp_path) as running:
        statuses = await flood(running, UNSIGNED)
        memory_mib = most_resident_mib(running.process.pid)

    assert memory_mib < MEMORY_MIB_MAX
    assert set(statuses) <= {400, 408, 503, None}


@pytest.mark.parametrize("kind", ["unsigned", "forged"])
async def test_behind_a_trusted_proxy_they_take_little_memory_too(
    tmp_path: Path, kind: str
) -> None:
    head = UNSIGNED if kind == "unsigned" else forged()
    async with running_process(tmp_path, TRUSTED_PROXIES="127.0.0.1") as running:
        statuses = await flood(running, head)
        memory_mib = most_resident_mib(running.process.pid)

    assert memory_mib < MEMORY_MIB_MAX
    assert set(statuses) <= {400, 408, 503, None}


async def test_an_unsigned_webhook_is_refused_before_its_body_is_sent(tmp_path: Path) -> None:
    heads = {
        "none": UNSIGNED,
        "malformed": UNSIGNED.removesuffix(b"\r\n") + b"Stripe-Signature: alas\r\n\r\n",
        "stale": UNSIGNED.removesuffix(b"\r\n") + b"Stripe-Signature: t=1,v1=00\r\n\r\n",
    }
    async with (
        running_process(tmp_path) as running,
        connected(running.service.address, len(heads)) as connections,
    ):
        for connection, head in zip(connections, heads.values(), strict=True):
            await connection.say(head)

        assert [await connection.status() for connection in connections] == [400] * len(heads)


async def test_one_peer_has_so_many_connections_and_is_told_why(tmp_path: Path) -> None:
    async with (
        running_process(tmp_path) as running,
        connected(running.service.address, CONNECTIONS_OF_PEER_MAX),
        connected(running.service.address, 1) as surplus,
        connected(running.service.address, 1, sources=["127.0.0.2"]) as other,
    ):
        assert await surplus[0].status() == 503
        await surplus[0].ends()
        await other[0].say(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
        assert await other[0].status() == 200


async def test_where_files_are_few_some_are_kept_back_for_stripe(tmp_path: Path) -> None:
    few = ("prlimit", "--nofile=700:700")
    strangers = [f"127.0.1.{number}" for number in range(1, 101)]
    async with (
        running_process(tmp_path, few) as running,
        connected(running.service.address, 900, sources=strangers),
    ):
        assert (await running.service.deliver(event())).status_code == 200
        assert open_files(running.process.pid) < 700


async def test_who_never_reads_is_given_up_and_the_process_ends_soon(tmp_path: Path) -> None:
    strangers = ["127.0.0.2", "127.0.0.3"]
    async with (
        running_process(tmp_path) as running,
        connected(running.service.address, STUCK, sources=strangers) as connections,
    ):
        for connection in connections:
            connection.writer.transport.set_write_buffer_limits(high=64 * MIB)
            connection.reader._transport.pause_reading()  # type: ignore[attr-defined]  # noqa: SLF001 never reads
            connection.writer.write(GET * 10)
        await still_serves(running)
        running.process.terminate()
        began_s = time.monotonic()
        await asyncio.wait_for(running.process.wait(), 2 * DRAIN_S)

        assert time.monotonic() - began_s < DRAIN_S


async def test_a_flood_of_pipelined_requests_is_cut(tmp_path: Path) -> None:
    async with (
        running_process(tmp_path) as running,
        connected(running.service.address, 100, sources=["127.0.0.2"]) as connections,
    ):
        for connection in connections:
            connection.writer.write(GET * 5_000)
        await asyncio.wait_for(asyncio.gather(*(each.ends() for each in connections)), DEADLINE_S)
        await still_serves(running)

        assert most_resident_mib(running.process.pid) < MEMORY_MIB_MAX / 2


async def test_uvicorn_started_directly_has_the_same_limits(tmp_path: Path) -> None:
    module = ("uvicorn", "app.main:app")
    async with (
        running_process(tmp_path, module=module) as running,
        connected(running.service.address, CONNECTIONS_OF_PEER_MAX, sources=["127.0.0.2"]),
        connected(running.service.address, 1, sources=["127.0.0.2"]) as surplus,
    ):
        assert await surplus[0].status() == 503
        await still_serves(running)
