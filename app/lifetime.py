"""Runs background tasks while the service is up, and closes resources when it stops."""

import asyncio
import contextlib
import gc
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial
from types import FrameType
from typing import Any, Final

import structlog
from fastapi import FastAPI

RESTART_S: Final = 1.0  # until failed work is restarted; doubles with each failure
RESTART_S_MAX: Final = 60.0

Work = Callable[[], Awaitable[object]]

_log = structlog.get_logger()


class Lifetime:
    """Collects what to run and close; runs once, as FastAPI's lifespan."""

    def __init__(self, *, restart_s: float = RESTART_S) -> None:
        self._restart_s = restart_s
        self._on_failure: Callable[[str], None] = lambda _: None
        self._is_ending = False
        self._running: list[Work] = []
        self._closing: list[Callable[[], Awaitable[object]]] = []
        self._on_sighup: list[Callable[[], None]] = []
        self._on_stop: list[Callable[[], None]] = []

    def runs(self, work: Work) -> None:
        """Run `work` in the background until it returns or the service stops.

        If it raises, which is a bug, it is restarted, so it must be able to run again.
        """
        self._running.append(work)

    def reports(self, on_failure: Callable[[str], None]) -> None:
        """Call `on_failure` with the work's name whenever it fails."""
        self._on_failure = on_failure

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
            tasks = [asyncio.create_task(self._keep_running(work)) for work in self._running]
            _log.info("started", version=application.version)
            gc.freeze()  # these objects stay, so the garbage collector can skip them
            try:
                yield
            finally:
                self._is_ending = True
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

    async def _keep_running(self, work: Work) -> None:
        """Restart `work` when it fails, after a pause; nothing else stops."""
        pauses_s = self._pauses_s()
        while True:
            started_s = time.monotonic()
            try:
                await work()
            except Exception:  # noqa: BLE001 a bug must not end the work until the next start
                _log.exception("background_work_failed", work=_name_of(work))
                self._on_failure(_name_of(work))
            else:
                return
            if self._is_ending:
                return
            if time.monotonic() - started_s > RESTART_S_MAX:
                pauses_s = self._pauses_s()
            await asyncio.sleep(next(pauses_s))

    def _pauses_s(self) -> Iterator[float]:
        pause_s = self._restart_s
        while True:
            yield pause_s
            pause_s = min(2 * pause_s, RESTART_S_MAX)


def _name_of(work: Work) -> str:
    while isinstance(work, partial):
        work = work.func
    return work.__qualname__
