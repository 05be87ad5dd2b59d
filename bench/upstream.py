"""Simulates Altan Pay: answers every request with a payment page's URL, at once or after a delay.

It is faster than any HTTP client, so only the caller is measured. Run `python -m bench.upstream`.
"""

import argparse
import re
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable
from typing import Final

_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
_ANSWER: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
    b"Connection: keep-alive\r\n\r\n%b"
)
_PAGE: Final = (
    b'{"url":"https://checkout.stripe.com/c/pay/cs_test_a1B2c3D4e5F6g7H8%016d#fidkdWxOYHwnPydmcH"}'
)
_RECEIVE_BYTES: Final = 64 * 1024


class Upstream:
    """One listening socket and its connections, in one thread."""

    def __init__(
        self, port: int, *, delay_s: float, page: Callable[[bytes], bytes] | None = None
    ) -> None:
        self._delay_s = delay_s
        self._page = page or self._new_page
        self._served = 0
        self._buffers: dict[socket.socket, bytes] = {}
        self._due: deque[tuple[float, socket.socket, bytes]] = (
            deque()
        )  # the delay is constant: in order
        self._selector = selectors.DefaultSelector()
        self._listener = socket.create_server(("127.0.0.1", port), backlog=1024)
        self._selector.register(self._listener, selectors.EVENT_READ)

    def serve(self) -> None:
        """Answer until the process ends."""
        while True:
            for key, _ in self._selector.select(self._until_next_s()):
                if key.fileobj is self._listener:
                    self._accept()
                else:
                    assert isinstance(key.fileobj, socket.socket)  # noqa: S101 nothing else is registered
                    self._read(key.fileobj)
            now = time.monotonic()
            while self._due and self._due[0][0] <= now:
                self._answer(*self._due.popleft()[1:])

    def _until_next_s(self) -> float | None:
        return max(0.0, self._due[0][0] - time.monotonic()) if self._due else None

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffers[connection] = b""
        self._selector.register(connection, selectors.EVENT_READ)

    def _read(self, connection: socket.socket) -> None:
        try:
            data = connection.recv(_RECEIVE_BYTES)
        except OSError:
            data = b""
        if not data:
            self._drop(connection)
            return
        request = self._buffers[connection] + data
        if not _is_whole(request):
            self._buffers[connection] = request
            return
        self._buffers[connection] = b""
        if self._delay_s:
            self._due.append((time.monotonic() + self._delay_s, connection, request))
        else:
            self._answer(connection, request)

    def _answer(self, connection: socket.socket, request: bytes) -> None:
        if connection not in self._buffers:
            return
        page = self._page(request)
        try:
            connection.sendall(_ANSWER % (len(page), page))
        except OSError:
            self._drop(connection)

    def _new_page(self, _: bytes) -> bytes:
        self._served += 1
        return _PAGE % self._served

    def _drop(self, connection: socket.socket) -> None:
        self._selector.unregister(connection)
        del self._buffers[connection]
        connection.close()


def _is_whole(request: bytes) -> bool:
    """Return whether head and body are complete. No client here pipelines requests."""
    head_end = request.find(b"\r\n\r\n")
    if head_end < 0:
        return False
    length = _LENGTH.search(request, 0, head_end + 2)
    return len(request) >= head_end + 4 + (int(length[1]) if length else 0)


def main() -> None:
    """Serve on the port and with the delay that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--delay-ms", type=float, default=0)
    options = parser.parse_args()
    Upstream(options.port, delay_s=options.delay_ms / 1000).serve()


if __name__ == "__main__":
    main()
