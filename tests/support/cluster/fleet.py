"""Replicas of one service: processes on one database, behind one balancer."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import httpx

from tests.support.builders import DEADLINE_S, Service
from tests.support.cluster.balancer import Balancer, running_balancer
from tests.support.commands import Ended, altan_checkout
from tests.support.processes import ServiceProcess, running_process

READY_S_MAX: Final = 3 * DEADLINE_S  # longer than even a busy machine needs


@dataclass(frozen=True, slots=True)
class Shop:
    """What all replicas of a shop share."""

    folder: Path
    environment: Mapping[str, str]
    database_path: Path  # a file with the database's URL, for `query`
    empty_sqlite: Path  # with the current schema, for an undisturbed run

    @property
    def url(self) -> str:
        return self.environment["DATABASE_URL"]

    async def run(self, *arguments: str, **environment: str) -> Ended:
        """Run `altan-checkout` with these arguments on their database."""
        return await altan_checkout(self.folder, *arguments, DATABASE_URL=self.url, **environment)

    def having(self, **changes: str) -> "Shop":
        """Return the same shop with another setting."""
        return replace(self, environment={**self.environment, **changes})


@dataclass(slots=True)
class Replica:
    """One replica, which can be killed and started again."""

    shop: Shop
    starts_s: list[float] = field(default_factory=list)
    _running: ServiceProcess | None = None
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    @property
    def is_running(self) -> bool:
        return self._running is not None

    @property
    def running(self) -> ServiceProcess:
        assert self._running is not None, "it is not running"
        return self._running

    @property
    def service(self) -> Service:
        return self.running.service

    @property
    def client(self) -> httpx.AsyncClient:
        return self.running.service.client

    async def start(self) -> None:
        """Start it, and return when it is ready."""
        began = time.perf_counter()
        self._running = await self._stack.enter_async_context(
            running_process(self.shop.folder, **self.shop.environment)
        )
        ready = await self.client.get("/health/ready", timeout=READY_S_MAX)
        self.starts_s.append(time.perf_counter() - began)
        assert ready.status_code == httpx.codes.OK, ready.text

    async def kill(self) -> None:
        """Send SIGKILL."""
        self.running.process.kill()
        await self.running.process.wait()
        await self.end()

    async def end(self) -> None:
        """Send SIGTERM if it is running."""
        self._running = None
        await self._stack.aclose()


@dataclass(slots=True)
class Fleet:
    """All replicas."""

    shop: Shop
    replicas: list[Replica]
    balancer: Balancer

    @property
    def url(self) -> str:
        return self.balancer.url

    async def kill(self, number: int) -> None:
        """Kill one; the balancer has to notice."""
        await self.replicas[number].kill()

    async def restart(self, number: int) -> None:
        """Start a killed one again, on another port."""
        await self.replicas[number].start()
        self.balancer.backends[number] = self.replicas[number].service.address


@asynccontextmanager
async def running_fleet(shop: Shop, count: int = 2) -> AsyncIterator[Fleet]:
    """Run this many replicas, all ready."""
    replicas = [Replica(shop) for _ in range(count)]
    async with running_balancer() as balancer:
        try:
            await asyncio.gather(*(replica.start() for replica in replicas))
            balancer.backends = [replica.service.address for replica in replicas]
            yield Fleet(shop, replicas, balancer)
        finally:
            await asyncio.gather(*(replica.end() for replica in replicas))
