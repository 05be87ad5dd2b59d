"""uvicorn's HTTP protocol, with limits on what is written to a client that does not read.

uvicorn waits for such a client forever: while an answer is under way, after the connection was
closed on our side, and at the end of the process. It queues pipelined requests without a bound, and
tells only the last of them that the client has left. And it refuses a malformed request at once,
even if that lands in the middle of the answer to an earlier one.
"""

import asyncio
from typing import Any, ClassVar, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

PIPELINED_MAX: Final = 16  # browsers pipeline nothing, programs little


class TooManyPipelinedError(Exception):
    """More requests wait behind one that is under way than anybody honest sends."""


class GuardedWrites(HttpToolsProtocol):
    """Gives up a client that takes nothing, and bounds what waits for it."""

    write_timeout_s: ClassVar = 10.0  # for 64 KB, beyond what the kernel has taken
    close_timeout_s: ClassVar = 5.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Nothing is written yet."""
        super().connection_made(transport)
        self._abort: asyncio.TimerHandle | None = None
        self._running: RequestResponseCycle | None = None
        self._is_in_body = False
        self._reads_on = True

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the request that is under way, too; those that wait behind it never begin."""
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
        """What comes next is another request."""
        self._is_in_body = False
        super().on_message_complete()

    def pause_writing(self) -> None:
        """The client is behind with reading; it has some time to catch up."""
        super().pause_writing()
        self._abort_in(self.write_timeout_s)

    def resume_writing(self) -> None:
        """It has caught up."""
        super().resume_writing()
        if not self.transport.is_closing():
            self._call_off()

    def on_response_complete(self) -> None:
        """Close in time, where this was the last answer."""
        super().on_response_complete()
        self._see_it_closed()

    def timeout_keep_alive_handler(self) -> None:
        """Close in time, where the client is idle."""
        super().timeout_keep_alive_handler()
        self._see_it_closed()

    def send_400_response(self, msg: str) -> None:
        """Refuse a malformed request: in its turn, and close.

        Behind an answer that is under way, the client would take the refusal for a part of it.
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
        """The process ends: answer what is under way, begin nothing, wait for nobody's reading."""
        self.pipeline.clear()
        if self._running is not None:
            self._running.keep_alive = False
        super().shutdown()
        if self.flow.write_paused:
            self._abort_in(self.close_timeout_s)
        self._see_it_closed()

    def _end_after(self, running: RequestResponseCycle) -> None:
        """Let an answer be finished, and close then; whatever else comes is not read."""
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
        """A closed transport first sends what it holds, for as long as that takes."""
        if self.transport.is_closing():
            self._abort_in(self.close_timeout_s)

    def _abort_in(self, seconds: float) -> None:
        self._call_off()
        self._abort = self.loop.call_later(seconds, self.transport.abort)

    def _call_off(self) -> None:
        if self._abort is not None:
            self._abort.cancel()
            self._abort = None
