"""A service process, and clients that take all they can: memory, files, its end."""

import asyncio
import time
from collections import Counter
from pathlib import Path

import httpx

from app.web.http.connections import CONNECTIONS_OF_PEER_MAX
from tests.support.builders import DEADLINE_S, SESSION_ID, Service, event, sign
from tests.support.processes import ServiceProcess, running_process
from tests.support.strangers import MIB, connected, most_resident_mib, open_files, pour

MEMORY_MIB_MAX = 512  # docs/deployment.md
MANY = 2_000
HONEST = 10  # each of them sends an event, a question and a cart
PATIENCE_S = 60.0  # on a busy machine, beside a flood
BODY = b"x" * MIB
UNSIGNED = b"POST /webhooks/stripe HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % MIB
STUCK = 300
GET = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"


def forged() -> bytes:
    """A head that nobody can tell from Stripe's before the body is there."""
    signature = f"Stripe-Signature: {sign(b'another body')}\r\n\r\n".encode()
    return UNSIGNED.removesuffix(b"\r\n") + signature


def behind_a_proxy(head: bytes) -> bytes:
    return head.removesuffix(b"\r\n") + b"X-Forwarded-For: 192.0.2.1\r\n\r\n"


async def serves_all(running: ServiceProcess) -> None:
    """Stripe and buyers, while strangers are at it."""
    async with httpx.AsyncClient(
        base_url=running.service.client.base_url, trust_env=False, timeout=PATIENCE_S
    ) as client:
        service = Service(client, running.service.database_path)
        for number in range(HONEST):
            delivered = await service.deliver(event(id=f"evt_{number}"))
            status = await client.get(f"/checkout/{SESSION_ID}")
            cart = await client.post("/checkout", json={"line_items": []})

            assert (delivered.status_code, status.status_code) == (200, 200)
            assert (cart.status_code, cart.json()["code"]) == (422, "invalid_cart")


async def flood(running: ServiceProcess, *parts: bytes, held_max: int = 0) -> Counter[int | None]:
    """MANY requests at once, and honest ones beside them; how often strangers got which status."""
    pouring = asyncio.create_task(
        asyncio.to_thread(
            pour, running.service.address, parts, count=MANY, source="127.0.0.2", held_max=held_max
        )
    )
    await serves_all(running)
    statuses = Counter(await pouring)
    memory_mib = most_resident_mib(running.process.pid)
    print(f"{memory_mib:.0f} MiB, {dict(statuses)}")  # noqa: T201 figures, with -s
    assert memory_mib < MEMORY_MIB_MAX
    return statuses


async def test_two_thousand_unsigned_bodies_at_once_take_little_memory(tmp_path: Path) -> None:
    async with running_process(tmp_path) as running:
        statuses = await flood(running, UNSIGNED + BODY)

    assert set(statuses) <= {400, 408, 503, None}
    assert statuses[503]  # more are connected than one address may have


async def test_behind_a_trusted_proxy_they_are_refused_by_their_heads(tmp_path: Path) -> None:
    async with running_process(tmp_path, TRUSTED_PROXIES="127.0.0.0/8") as running:
        statuses = await flood(running, behind_a_proxy(UNSIGNED) + BODY)

    assert set(statuses) <= {400, None}
    assert statuses[400]


async def test_behind_a_trusted_proxy_two_thousand_forged_bodies_take_little_memory(
    tmp_path: Path,
) -> None:
    begun, rest = behind_a_proxy(forged()) + BODY[: MIB // 2], BODY[MIB // 2 :]
    async with running_process(tmp_path, TRUSTED_PROXIES="127.0.0.0/8") as running:
        statuses = await flood(running, begun, rest, held_max=MANY // 10)

    assert set(statuses) <= {400, 408, 503, None}
    assert statuses[503]  # of MANY halves at once, no more than 24 are held


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


async def test_a_peer_above_its_limit_of_connections_gets_the_reason(tmp_path: Path) -> None:
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
        await serves_all(running)
        assert open_files(running.process.pid) < 700


async def test_buyers_are_served_and_the_process_ends_in_time_though_strangers_never_read(
    tmp_path: Path,
) -> None:
    strangers = ["127.0.0.2", "127.0.0.3"]
    async with (
        running_process(tmp_path) as running,
        connected(running.service.address, STUCK, sources=strangers) as connections,
    ):
        for connection in connections:
            connection.writer.transport.set_write_buffer_limits(high=64 * MIB)
            connection.reader._transport.pause_reading()  # type: ignore[attr-defined]  # noqa: SLF001 never reads
            connection.writer.write(GET * 10)
        await serves_all(running)
        running.process.terminate()
        began_s = time.monotonic()
        await asyncio.wait_for(running.process.wait(), PATIENCE_S)
        print(f"SIGTERM took {time.monotonic() - began_s:.1f} s")  # noqa: T201 a figure, with -s

    # uvicorn says so if something is still under way after DRAIN_S.
    assert not [line for line in running.lines if "graceful shutdown exceeded" in line]
    assert any('"stopped"' in line for line in running.lines)


async def test_a_flood_of_pipelined_requests_is_cut(tmp_path: Path) -> None:
    async with (
        running_process(tmp_path) as running,
        connected(running.service.address, 100, sources=["127.0.0.2"]) as connections,
    ):
        for connection in connections:
            connection.writer.write(GET * 5_000)
        await asyncio.wait_for(asyncio.gather(*(each.ends() for each in connections)), DEADLINE_S)
        await serves_all(running)

        assert most_resident_mib(running.process.pid) < MEMORY_MIB_MAX / 2


async def test_uvicorn_started_directly_has_the_same_limits(tmp_path: Path) -> None:
    module = ("uvicorn", "app.main:app")
    async with (
        running_process(tmp_path, module=module) as running,
        connected(running.service.address, CONNECTIONS_OF_PEER_MAX, sources=["127.0.0.2"]),
        connected(running.service.address, 1, sources=["127.0.0.2"]) as surplus,
    ):
        assert await surplus[0].status() == 503
        await serves_all(running)
