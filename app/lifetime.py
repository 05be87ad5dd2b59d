"""What runs beside the requests while the service is up, and what is closed when it ends."""

import asyncio
import contextlib
import gc
import signal
from collections.abc import AsyncIterator, Awaitable, Callable

import structlog
from fastapi import FastAPI

_log = structlog.get_logger()


class Lifetime:
    """Filled while the service is put together; lived through once, as FastAPI's lifespan."""

    def __init__(self) -> None:
        self._running: list[Callable[[], Awaitable[object]]] = []
        self._closing: list[Callable[[], Awaitable[object]]] = []
        self._on_sighup: list[Callable[[], None]] = []

    def runs(self, work: Callable[[], Awaitable[object]]) -> None:
        """Run `work` from start to end; it goes on until cancelled."""
        self._running.append(work)

    def closes(self, close: Callable[[], Awaitable[object]]) -> None:
        """Call `close` at the end, the last one named first."""
        self._closing.append(close)

    def reloads(self, reload: Callable[[], None]) -> None:
        """Call `reload` on SIGHUP."""
        self._on_sighup.append(reload)

    @contextlib.asynccontextmanager
    async def __call__(self, application: FastAPI) -> AsyncIterator[None]:
        """Be up."""
        async with contextlib.AsyncExitStack() as stack:
            for close in self._closing:
                stack.push_async_callback(close)
            self._listen_for_sighup()
            tasks = [asyncio.create_task(_keep_running(work)) for work in self._running]
            _log.info("started", version=application.version)
            gc.freeze()  # what is here now stays: the collector need not look at it under load
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        _log.info("stopped")

    def _listen_for_sighup(self) -> None:
        """Where there is nothing to reload the signal is taken all the same, and ends nobody."""
        if not hasattr(signal, "SIGHUP"):
            return
        with contextlib.suppress(RuntimeError, ValueError):  # only a main thread hears signals
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._reload)

    def _reload(self) -> None:
        for reload in self._on_sighup:
            reload()


async def _keep_running(work: Callable[[], Awaitable[object]]) -> None:
    """Work that breaks is our defect; it is logged, and nothing else ends with it."""
    try:
        await work()
    except Exception:  # noqa: BLE001 it is logged with its trace
        _log.exception("background_work_ended")
