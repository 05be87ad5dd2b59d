"""uvicorn's HTTP protocol, with limits on what a stranger may send before any code of ours runs."""

import asyncio
from typing import Any, ClassVar, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.web.host_header import host_fault

HEAD_BYTES_MAX: Final = 32 * 1024
HEADERS_MAX: Final = 100


class HostError(Exception):
    """The request does not name exactly one host; uvicorn answers 400."""


class HeadTooLargeError(Exception):
    """The request line and headers are more than anybody honest sends; uvicorn answers 400."""


class GuardedHttp(HttpToolsProtocol):
    """Ends a connection whose request head is endless, or endlessly slow.

    uvicorn times only the pause between two requests, and keeps headers of any size.
    """

    head_timeout_s: ClassVar = 10.0
    _fault: str | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A new connection has a few seconds to say what it wants."""
        super().connection_made(transport)
        self._deadline: asyncio.TimerHandle | None = None
        self._untold_bytes = self._head_bytes = 0
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is awaited any more."""
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Hang up on a line without end: the parser keeps all of it before it tells us anything."""
        self._untold_bytes += len(data)
        super().data_received(data)
        if self._untold_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
            self.send_400_response("A line of the request is too long.")

    def on_message_begin(self) -> None:
        """A request begins; its head must end in time."""
        super().on_message_begin()
        self._untold_bytes = self._head_bytes = 0
        self._expect_head()

    def on_url(self, url: bytes) -> None:
        """Count the request line."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a header, or a trailer."""
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is whole; from here on the endpoint limits the body."""
        self._fault = host_fault(self.headers, self.parser.get_http_version())
        if self._fault:
            raise HostError
        self._untold_bytes = 0
        self._disarm()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Some of the body has come."""
        self._untold_bytes = 0
        super().on_body(body)

    def on_response_complete(self) -> None:
        """An answered request whose body still trickles in is not waited for."""
        super().on_response_complete()
        if self.cycle.more_body and self._deadline is None:
            self._expect_head()

    def send_400_response(self, msg: str) -> None:
        """Refuse a malformed request, and say why if we know."""
        super().send_400_response(self._fault or msg)

    def _count(self, size: int) -> None:
        self._untold_bytes = 0
        self._head_bytes += size
        if self._head_bytes > HEAD_BYTES_MAX or len(self.headers) >= HEADERS_MAX:
            raise HeadTooLargeError

    def _expect_head(self) -> None:
        self._disarm()
        self._deadline = self.loop.call_later(self.head_timeout_s, self._give_up)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._deadline = None
        transport: Any = self.transport
        if not transport.is_closing():
            transport.close()
