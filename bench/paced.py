"""Sends webhooks at a steady rate, and requires that each is taken."""

import selectors
import socket
import time
from collections.abc import Sequence
from typing import Final

SENDERS_MAX: Final = 64


class NotTakenError(Exception):
    """A webhook was not answered with 200; its argument is the answer."""


def send_paced(port: int, prepared: Sequence[bytes], rate: int) -> list[float]:
    """Send each at its time, on a connection without a request; return when each was sent."""
    senders, sent_at, began = _Senders(port), list[float](), time.perf_counter()
    while len(sent_at) < len(prepared):
        due_at = began + len(sent_at) / rate
        if time.perf_counter() >= due_at and (connection := senders.take()):
            sent_at.append(time.perf_counter())
            connection.sendall(prepared[len(sent_at) - 1])
        else:
            senders.read(max(0.0, due_at - time.perf_counter()))
    senders.close()
    return sent_at


class _Senders:
    """Connections that are opened as needed, each with at most one request."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._selector = selectors.DefaultSelector()
        self._idle: list[socket.socket] = []
        self._answers: dict[socket.socket, bytes] = {}  # of the others: what was read so far

    def take(self) -> socket.socket | None:
        """Return a connection for a request; None if all are busy."""
        if not self._idle:
            if len(self._answers) == SENDERS_MAX:
                return None
            opened = socket.create_connection(("127.0.0.1", self._port), timeout=30)
            self._selector.register(opened, selectors.EVENT_READ)
            self._idle.append(opened)
        connection = self._idle.pop()
        self._answers[connection] = b""
        return connection

    def read(self, timeout_s: float) -> None:
        """Read what comes; a connection with a whole answer is free again."""
        for key, _ in self._selector.select(timeout_s):
            connection = key.fileobj
            assert isinstance(connection, socket.socket)  # noqa: S101 nothing else is registered
            more = connection.recv(65_536)
            if not more:
                raise NotTakenError(self._answers[connection])
            answer = self._answers[connection] = self._answers[connection] + more
            if answer.endswith(b"}"):  # JSON, of whatever status
                if not answer.startswith(b"HTTP/1.1 200 "):
                    raise NotTakenError(answer)
                del self._answers[connection]
                self._idle.append(connection)

    def close(self) -> None:
        """Wait for the last answers."""
        while self._answers:
            self.read(1.0)
        for connection in self._idle:
            connection.close()
        self._selector.close()
