"""Deadlines cancel calls under contention: httpx's own transport never recovers, ours does.

docs/decisions/0003 rests on this. Should the first test ever fail, httpx's pool has been mended,
and our transport may go.
"""

import asyncio
import random
import ssl
from collections import Counter
from collections.abc import Callable
from typing import Final

import httpx
import pytest

from app.adapters.http_transport import CONNECTIONS_MAX, AiohttpTransport
from tests.support.faults.upstream import Connection, Upstream, doing, works

CONNECTIONS: Final = 10
HURRY_S: Final = 1.5
DEADLINE_S_MAX: Final = 0.05
ROUNDS_MAX: Final = 3  # for the one that is to die; it has always died in the first
CALM_REQUESTS: Final = 20
CALM_S: Final = 2.0  # for all calm requests at once; each takes 10 ms


async def takes_a_moment(connection: Connection) -> None:
    await asyncio.sleep(0.01)  # this upstream's own time, in the midst of the deadlines
    await works(connection)


async def test_the_stock_transport_does_not_survive(
    upstream: Upstream, say: Callable[[str], None]
) -> None:
    limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
    transport = httpx.AsyncHTTPTransport(limits=limits, trust_env=False)

    async with client_of(transport) as client, doing(upstream, takes_a_moment):
        for _ in range(ROUNDS_MAX):
            hurried, calm = await hurry_then_calm(client, upstream, tasks=4 * CONNECTIONS)
            say(f"stock transport: {dict(hurried)} in a hurry; then {dict(calm)}")
            assert hurried["cut"] > 100
            if calm["ok"] < CALM_REQUESTS:
                return  # as expected
    pytest.fail(
        "httpx's own pool has survived cancellation under contention (httpcore#1093). If it "
        "does so again and again, it is mended: see docs/decisions/0003."
    )


async def test_our_transport_survives(upstream: Upstream, say: Callable[[str], None]) -> None:
    transport = AiohttpTransport(ssl.create_default_context())

    async with client_of(transport) as client, doing(upstream, takes_a_moment):
        hurried, calm = await hurry_then_calm(client, upstream, tasks=4 * CONNECTIONS_MAX)

    say(f"our transport: {dict(hurried)} in a hurry; then {dict(calm)}")
    assert hurried["cut"] > 100
    assert calm == {"ok": CALM_REQUESTS}


def client_of(transport: httpx.AsyncBaseTransport) -> httpx.AsyncClient:
    """Nothing but the wait for a connection is bounded in httpx itself: deadlines do the rest."""
    timeout = httpx.Timeout(None, pool=CALM_S)
    return httpx.AsyncClient(transport=transport, timeout=timeout, trust_env=False)


async def hurry_then_calm(
    client: httpx.AsyncClient, upstream: Upstream, *, tasks: int
) -> tuple[Counter[str], Counter[str]]:
    """Many calls under short deadlines for a while; then a few, under none that matters."""
    hurried = await _in_a_hurry(client, upstream.url, tasks=tasks)
    # All at once, so that a dead pool costs its timeout once and not twenty times.
    calls = (_outcome(client, upstream.url, CALM_S + 1) for _ in range(CALM_REQUESTS))
    return hurried, Counter(await asyncio.gather(*calls))


async def _in_a_hurry(client: httpx.AsyncClient, url: str, *, tasks: int) -> Counter[str]:
    rng = random.Random(7)  # noqa: S311 reproducible, and nothing secret
    outcomes = Counter[str]()
    until = asyncio.get_running_loop().time() + HURRY_S

    async def hurry() -> None:
        while asyncio.get_running_loop().time() < until:
            outcomes[await _outcome(client, url, rng.uniform(0.001, DEADLINE_S_MAX))] += 1

    await asyncio.gather(*(hurry() for _ in range(tasks)))
    return outcomes


async def _outcome(client: httpx.AsyncClient, url: str, deadline_s: float) -> str:
    try:
        async with asyncio.timeout(deadline_s):
            await client.post(url, content=b"{}")
    except TimeoutError:
        return "cut"
    except httpx.HTTPError as error:
        return type(error).__name__
    return "ok"
