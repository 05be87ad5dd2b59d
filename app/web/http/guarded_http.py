"""uvicorn's HTTP protocol, with limits on what a client may send before any code of ours runs."""

import asyncio
import socket
from typing import ClassVar, Final, Self

from app.domain.stripe_events.endpoint import PATH
from app.web.http.connections import ANSWER, Admission, Connections
from app.web.http.guarded_writes import GuardedWrites
from app.web.http.host_header import host_fault

HEAD_BYTES_MAX: Final = 32 * 1024
# RFC 9112, 3: at least 8,000 bytes of a request line. A longer query would take long to parse.
URL_BYTES_MAX: Final = 8000
HEADERS_MAX: Final = 100
RECEIVE_BUFFER_BYTES: Final = 64 * 1024
DROPPED_BYTES_MAX: Final = 4 * 1024 * 1024  # of a body that arrives after its answer
# Of a request, beside its body: its head and the sizes and extensions of its chunks. The largest
# cart fits even if each chunk has one byte.
OVERHEAD_BYTES_MAX: Final = 512 * 1024
WEBHOOK_PATH: Final = PATH.encode()


class HostError(Exception):
    """The request does not name exactly one host; uvicorn answers 400."""


class HeadTooLargeError(Exception):
    """The request line and headers are larger than honest clients send; uvicorn answers 400."""


class GuardedHttp(GuardedWrites):
    """Closes a connection if its request head is too large or too slow, or it is one too many.

    uvicorn limits only the time between two requests, and stores headers of any size. It also
    continues to read a body that nobody consumes; this class reads the next piece on request.
    """

    limits: ClassVar = Connections()  # of servers without their own
    head_timeout_s: ClassVar = 10.0
    _fault: str | None = None
    hear_why_s: ClassVar = 1.0

    @classmethod
    def with_limits(cls, connections: Connections) -> type[Self]:
        """Return the protocol class of one server; uvicorn instantiates it for each connection."""
        return type(cls.__name__, (cls,), {"limits": connections})

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Give a new connection a few seconds to send its request head."""
        super().connection_made(transport)
        _receive_little_at_once(transport)
        self._deadline: asyncio.TimerHandle | None = None
        self._untold_bytes = self._head_bytes = self._dropped_bytes = self._overhead_bytes = 0
        self._has_unread_body = False
        peer = self.client[0] if self.client else None
        self._admitted = self.limits.admit(peer, self._give_way)
        if self._admitted.admission in (Admission.ALL, Admission.WEBHOOKS):
            self._expect_head()
        else:
            self._turn_away()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop all timers."""
        self.limits.leave(self._admitted)
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Disconnect on an endless line, which the parser would buffer before it calls us.

        Also on chunks that are nearly nothing but extensions: a body of 64 KiB would be 2 GB.
        """
        if not self._reads_on:
            self._drop(len(data))
            return
        self._untold_bytes += len(data)
        self._overhead_bytes += len(data)
        super().data_received(data)
        if self._untold_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
            self.send_400_response("A line of the request is too long.")
        elif self._overhead_bytes > OVERHEAD_BYTES_MAX and not self.transport.is_closing():
            self.send_400_response("The body's chunks are mostly extensions, or too small.")
        elif self._has_unread_body:
            self._has_unread_body = False
            if self.cycle.more_body:
                self.flow.pause_reading()  # until the body is requested

    def on_message_begin(self) -> None:
        """Start the time limit of a request's head."""
        super().on_message_begin()
        self._untold_bytes = self._head_bytes = self._overhead_bytes = 0
        self._expect_head()

    def on_url(self, url: bytes) -> None:
        """Count the request line."""
        self._untold_bytes = 0
        self._head_bytes += len(url)
        if self._head_bytes > URL_BYTES_MAX:
            raise HeadTooLargeError
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a header, or a trailer."""
        self._untold_bytes = 0
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > HEAD_BYTES_MAX or len(self.headers) >= HEADERS_MAX:
            raise HeadTooLargeError
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is complete; from here on, the endpoint limits the body."""
        self._fault = host_fault(self.headers, self.parser.get_http_version())
        if self._fault:
            raise HostError
        self._untold_bytes = self._dropped_bytes = 0
        self._disarm()
        if self._admitted.admission is Admission.WEBHOOKS and not self.url.startswith(WEBHOOK_PATH):
            self.scope["state"]["overloaded"] = True
        super().on_headers_complete()
        if self._admitted.admission is Admission.WEBHOOKS:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """Receive a part of the body; after the answer it is discarded, up to a limit."""
        self._untold_bytes = 0
        self._overhead_bytes -= len(body)
        super().on_body(body)
        self._has_unread_body = not self.cycle.response_complete
        if self.cycle.response_complete:
            self._drop(len(body))

    def on_response_complete(self) -> None:
        """Do not wait for the rest of a body after the answer."""
        if self._running is not None:
            self._running.body.clear()  # nobody will read it
        super().on_response_complete()
        if self.cycle.more_body and self._deadline is None:
            self._expect_head()

    def send_400_response(self, msg: str) -> None:
        """Refuse a malformed request, with the reason if it is known."""
        self._disarm()
        super().send_400_response(self._fault or msg)

    def _drop(self, size: int) -> None:
        self._dropped_bytes += size
        if self._dropped_bytes > DROPPED_BYTES_MAX:
            self._give_up()

    def _expect_head(self) -> None:
        self._disarm()
        self._deadline = self.loop.call_later(self.head_timeout_s, self._give_up)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._disarm()
        if not self.transport.is_closing():
            self.transport.close()
        self._see_it_closed()

    def _give_way(self, in_time: bool) -> None:  # noqa: FBT001 the caller knows it by position
        """Another network needs this place."""
        running = self._running
        if in_time and running is not None and not running.response_complete:
            self.pipeline.clear()
            running.keep_alive = False
            self.loop.call_later(self.hear_why_s, self.transport.abort)
        else:
            self.transport.abort()

    def _turn_away(self) -> None:
        """Answer before there is a request.

        Closing at once on a client that still sends would reset the connection, and the answer
        would be lost with it; so some of them are heard out, without listening.
        """
        self._reads_on = False
        self.transport.write(ANSWER)
        if self._admitted.admission is Admission.LEAVES and self.transport.can_write_eof():
            self.transport.write_eof()
            self._abort_in(self.hear_why_s)
        else:
            self.transport.close()
            self._see_it_closed()


def _receive_little_at_once(transport: asyncio.Transport) -> None:
    """Leave in the network what nobody has asked for.

    uvloop reads up to 256 KB of a connection before the application knows of its request, and so
    before it can refuse it; 2,000 of them at once would be 512 MB.
    """
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
