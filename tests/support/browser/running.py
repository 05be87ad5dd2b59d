"""Runs the demo as its command does; its service can be stopped and started again.

One difference: there is no rate limit, because all carts come from one address.
"""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from app.commands.demo import Demo
from tests.support.docs.running import free_ports


@dataclass(frozen=True, slots=True)
class RunningDemo:
    """The service, and the sandbox with its shop, as two processes."""

    demo: Demo
    _service: ExitStack = field(default_factory=ExitStack)
    _processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def shop_url(self) -> str:
        return self.demo.shop_url

    @property
    def service_url(self) -> str:
        return self.demo.service_url

    @property
    def database_path(self) -> Path:
        return self.demo.database_path

    @asynccontextmanager
    async def without_service(self, *, killed: bool = False) -> AsyncIterator[None]:
        """Stop the service with SIGTERM, as an operator would; start it again after the block.

        `killed`: kill it, as a crash of its machine would.
        """
        if killed:
            self._processes[-1].kill()
        await asyncio.to_thread(self.stop)
        try:
            yield
        finally:
            await asyncio.to_thread(self.start)

    def start(self) -> None:
        process = self._service.enter_context(self.demo.service(RATE_LIMIT_CHECKOUT="off"))
        self._processes.append(process)
        self.demo.wait_for_service(process)

    def stop(self) -> None:
        self._service.close()


@contextmanager
def running_demo(folder: Path) -> Iterator[RunningDemo]:
    """Run a demo on free ports with a database in `folder`."""
    port, sandbox_port = free_ports(2)
    running = RunningDemo(Demo(port=port, sandbox_port=sandbox_port, folder=folder))
    with running.demo.sandbox() as sandbox:
        try:
            running.start()
            running.demo.wait_for_sandbox(sandbox)
            yield running
        finally:
            running.stop()
