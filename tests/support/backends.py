"""The connections that PostgreSQL has, and their end."""

import asyncio
from collections.abc import Awaitable, Callable

from tests.support.builders import DEADLINE_S
from tests.support.postgres_server import fetch


async def backends(url: str) -> list[int]:
    """The server's processes for our connections."""
    rows = await fetch(
        url,
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name = 'altan-checkout'",
    )
    return [row["pid"] for row in rows]


async def kill_backends(url: str) -> int:
    """As an administrator does, or a firewall that forgets: our connections break, idle or not."""
    pids = await backends(url)
    for pid in pids:
        await fetch(url, "SELECT pg_terminate_backend($1, 5000)", pid)
    return len(pids)


async def eventually(condition: Callable[[], Awaitable[object]]) -> None:
    """Wait for what the server does in its own time."""
    async with asyncio.timeout(DEADLINE_S):
        while not await condition():  # noqa: ASYNC110 nothing there could set an event
            await asyncio.sleep(0.01)
