"""Runs background tasks while the service is up, and closes resources when it stops."""

import asyncio
import contextlib
import gc
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from types import FrameType
from typing import Any

import structlog
from fastapi import FastAPI

_log = structlog.get_logger()


class Lifetime:
    """Collects what to run and close; runs once, as FastAPI's lifespan."""

    def __init__(self) -> None:
        self._running: list[Callable[[], Awaitable[object]]] = []
        self._closing: list[Callable[[], Awaitable[object]]] = []
        self._on_sighup: list[Callable[[], None]] = []
        self._on_stop: list[Callable[[], None]] = []

    def runs(self, work: Callable[[], Awaitable[object]]) -> None:
        """Run `work` in the background until the service stops."""
        self._running.append(work)

    def closes(self, close: Callable[[], Awaitable[object]]) -> None:
        """Call `close` at the end, in reverse order of registration."""
        self._closing.append(close)

    def stops(self, stop: Callable[[], None]) -> None:
        """Call `stop` when a signal asks the process to end, while answers may still be running.

        The server waits for them before it ends the lifespan, so streams, which last for hours,
        must be told earlier.
        """
        self._on_stop.append(stop)

    def reloads(self, reload: Callable[[], None]) -> None:
        """Call `reload` on SIGHUP."""
        self._on_sighup.append(reload)

    @contextlib.asynccontextmanager
    async def __call__(self, application: FastAPI) -> AsyncIterator[None]:
        """Start everything; stop and close it at the end."""
        async with contextlib.AsyncExitStack() as stack:
            for close in self._closing:
                stack.push_async_callback(close)
            self._listen_for_sighup()
            self._listen_for_the_end(stack)
            tasks = [asyncio.create_task(_keep_running(work)) for work in self._running]
            _log.info("started", version=application.version)
            gc.freeze()  # these objects stay, so the garbage collector can skip them
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        _log.info("stopped")

    def _listen_for_sighup(self) -> None:
        """Handle SIGHUP even if there is nothing to reload, so that it does not end the process."""
        if not hasattr(signal, "SIGHUP"):
            return
        with contextlib.suppress(
            RuntimeError, ValueError
        ):  # only the main thread can handle signals
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._reload)

    def _listen_for_the_end(self, stack: contextlib.AsyncExitStack) -> None:
        """Install handlers that run first and then call the server's own handlers.

        The server's are restored at the end, because ours need the event loop.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            servers = signal.getsignal(number)

            def stop(number: int, frame: FrameType | None, servers: Any = servers) -> None:  # noqa: ANN401 typeshed's own union
                loop.call_soon_threadsafe(self._stop)
                if callable(servers):
                    servers(number, frame)

            if callable(servers):
                with contextlib.suppress(ValueError):  # only the main thread can handle signals
                    signal.signal(number, stop)
                    stack.callback(signal.signal, number, servers)

    def _stop(self) -> None:
        for stop in self._on_stop:
            stop()

    def _reload(self) -> None:
        for reload in self._on_sighup:
            reload()


async def _keep_running(work: Callable[[], Awaitable[object]]) -> None:
    """Run `work`; an exception is a bug, which is logged and stops nothing else."""
    try:
        await work()
    except Exception:  # noqa: BLE001 it is logged with its trace
        _log.exception("background_work_ended")
