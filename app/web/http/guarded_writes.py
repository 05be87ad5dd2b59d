"""uvicorn's HTTP protocol, with limits on what is written to a client that does not read.

uvicorn waits for such a client forever: during an answer, after closing the connection on our side,
and at the end of the process. It queues any number of pipelined requests, and tells only the last
one that the client has left. And it refuses a malformed request at once, even in the middle of the
answer to an earlier one.
"""

import asyncio
from typing import Any, ClassVar, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

PIPELINED_MAX: Final = 16  # browsers do not pipeline, programs rarely


class TooManyPipelinedError(Exception):
    """More requests are queued behind the current one than honest clients send."""


class GuardedWrites(HttpToolsProtocol):
    """Disconnects a client that does not read, and limits what is queued for it."""

    write_timeout_s: ClassVar = 10.0  # for 64 KB, in addition to the kernel's buffer
    close_timeout_s: ClassVar = 5.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start with an empty queue."""
        super().connection_made(transport)
        self._abort: asyncio.TimerHandle | None = None
        self._running: RequestResponseCycle | None = None
        self._is_in_body = False
        self._reads_on = True

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the current request, too; those queued behind it never start."""
        self._call_off()
        self.pipeline.clear()
        running = self._running
        if running is not None and not running.response_complete:
            running.disconnected = True
            running.message_event.set()
        super().connection_lost(exc)

    def on_headers_complete(self) -> None:
        """Queue a request behind another one, if there is room."""
        if len(self.pipeline) >= PIPELINED_MAX:
            raise TooManyPipelinedError
        super().on_headers_complete()
        self._is_in_body = True

    def on_message_complete(self) -> None:
        """Prepare for the next request."""
        self._is_in_body = False
        super().on_message_complete()

    def pause_writing(self) -> None:
        """The client reads too slowly: start its time limit."""
        super().pause_writing()
        self._abort_in(self.write_timeout_s)

    def resume_writing(self) -> None:
        """The client has caught up: stop its time limit."""
        super().resume_writing()
        if not self.transport.is_closing():
            self._call_off()

    def on_response_complete(self) -> None:
        """Close within the time limit if this was the last answer."""
        super().on_response_complete()
        self._see_it_closed()

    def timeout_keep_alive_handler(self) -> None:
        """Close within the time limit if the client is idle."""
        super().timeout_keep_alive_handler()
        self._see_it_closed()

    def send_400_response(self, msg: str) -> None:
        """Refuse a malformed request after the earlier ones, and close.

        During an answer, the client would read the refusal as a part of it.
        """
        self.pipeline.clear()
        running = self._running
        is_own_body = self._is_in_body and self.cycle is running
        if running is None or (running.response_complete and not is_own_body):
            super().send_400_response(msg)
        elif is_own_body:
            self._break_off(running, msg)
        else:
            self._end_after(running)
        self._see_it_closed()

    def shutdown(self) -> None:
        """Shut down: finish the current answer, start no other, and don't wait for slow readers."""
        self.pipeline.clear()
        if self._running is not None:
            self._running.keep_alive = False
        super().shutdown()
        if self.flow.write_paused:
            self._abort_in(self.close_timeout_s)
        self._see_it_closed()

    def _end_after(self, running: RequestResponseCycle) -> None:
        """Finish the current answer, then close; nothing more is read."""
        running.keep_alive = False
        self._reads_on = False

    def _break_off(self, running: RequestResponseCycle, msg: str) -> None:
        """A request with a malformed body will never be complete."""
        if not running.response_started:
            super().send_400_response(msg)
        running.disconnected = True
        running.message_event.set()
        self.transport.close()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:  # noqa: ANN401 uvicorn's own type
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def _see_it_closed(self) -> None:
        """Abort after a while: a closed transport sends its buffer first, which may never end."""
        if self.transport.is_closing():
            self._abort_in(self.close_timeout_s)

    def _abort_in(self, seconds: float) -> None:
        self._call_off()
        self._abort = self.loop.call_later(seconds, self.transport.abort)

    def _call_off(self) -> None:
        if self._abort is not None:
            self._abort.cancel()
            self._abort = None
