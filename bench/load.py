"""The load generator: a closed loop over keep-alive connections, with requests built beforehand.

It uses one thread and a selector, no event loop and no HTTP library, because it must not limit the
figures; `Sample.generator_share` shows whether it did. Answers need a Content-Length.
"""

import gc
import re
import selectors
import socket
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

WARM_SHARE: Final = (
    0.15  # of the time at the start is not counted, because of connecting and first imports
)
DRAIN_S: Final = 15.0  # an answer that comes later than this after the end counts as lost

_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
_RECEIVE_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The result of one run against one server. Rate and latencies exclude the warm-up."""

    requests_per_s: float
    p50_ms: float
    p99_ms: float
    statuses: Mapping[int, int]
    lost: int
    generator_share: float

    @property
    def taken(self) -> int:
        """How many requests were answered with 2xx or 3xx, including the warm-up."""
        return sum(count for status, count in self.statuses.items() if 200 <= status < 400)  # noqa: PLR2004

    @property
    def answered(self) -> int:
        """How many requests were answered."""
        return sum(self.statuses.values())

    @property
    def is_clean(self) -> bool:
        """Whether every request was accepted."""
        return self.lost == 0 and 0 < self.taken == self.answered


class _Connection:
    """One keep-alive connection with at most one request in progress."""

    __slots__ = ("began", "buffer", "port", "socket")

    def __init__(self, port: int) -> None:
        self.port = port
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=5)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(None)
        self.buffer = b""
        self.began = 0.0

    def send(self, request: bytes) -> None:
        self.began = time.perf_counter()
        self.socket.sendall(request)

    def receive(self) -> int | None:
        """Return the status of the answer if it is complete, otherwise None.

        Raises:
            ConnectionError: the server disconnected.
        """
        data = self.socket.recv(_RECEIVE_BYTES)
        if not data:
            raise ConnectionError
        self.buffer = answer = self.buffer + data if self.buffer else data
        head_end = answer.find(b"\r\n\r\n")
        if head_end < 0:
            return None
        length = _LENGTH.search(answer, 0, head_end + 2)
        if length is None:
            raise ConnectionError
        if len(answer) < head_end + 4 + int(length[1]):
            return None
        self.buffer = b""
        return int(answer[9:12])


def drive(
    port: int | Sequence[int], requests: Sequence[bytes], *, connections: int, seconds: float
) -> Sample:
    """Send `requests` in order until they are used up or `seconds` have passed.

    With several ports, the connections are divided equally.
    """
    run = _Run([port] if isinstance(port, int) else port, iter(requests), seconds)
    with _without_garbage_collection():
        run.go(connections)
    return run.sample()


class _Run:
    def __init__(self, ports: Sequence[int], requests: Iterator[bytes], seconds: float) -> None:
        self._ports = ports
        self._requests = requests
        self._seconds = seconds
        self._selector = selectors.DefaultSelector()
        self._under_way = 0
        self._lost = 0
        self._statuses: Counter[int] = Counter()
        self._answers: list[tuple[float, float]] = []  # when the answer came, how long it took
        self._began = self._ended = self._cpu_s = 0.0

    def go(self, connections: int) -> None:
        self._began, cpu_began = time.perf_counter(), time.process_time()
        for number in range(connections):
            self._open(self._ports[number % len(self._ports)])
        stop_at = self._began + self._seconds
        while self._under_way and time.perf_counter() < stop_at + DRAIN_S:
            for key, _ in self._selector.select(1):
                self._read(key.data, stop_at)
        self._ended, self._cpu_s = time.perf_counter(), time.process_time() - cpu_began
        self._lost += self._under_way
        for key in list(self._selector.get_map().values()):
            key.data.socket.close()
        self._selector.close()

    def sample(self) -> Sample:
        warm_until = self._began + min(self._seconds, self._ended - self._began) * WARM_SHARE
        counted = [took for came, took in self._answers if came >= warm_until]
        last = self._answers[-1][0] if self._answers else self._ended
        counted.sort()
        return Sample(
            requests_per_s=len(counted) / max(last - warm_until, 1e-9),
            p50_ms=quantile(counted, 0.5) * 1000,
            p99_ms=quantile(counted, 0.99) * 1000,
            statuses=dict(self._statuses),
            lost=self._lost,
            generator_share=self._cpu_s / (self._ended - self._began),
        )

    def _open(self, port: int) -> None:
        connection = _Connection(port)
        self._selector.register(connection.socket, selectors.EVENT_READ, connection)
        self._launch(connection)

    def _launch(self, connection: _Connection) -> None:
        request = next(self._requests, None)
        if request is not None:
            connection.send(request)
            self._under_way += 1

    def _read(self, connection: _Connection, stop_at: float) -> None:
        try:
            status = connection.receive()
            if status is None:
                return
            now = time.perf_counter()
            self._under_way -= 1
            self._statuses[status] += 1
            self._answers.append((now, now - connection.began))
            if now < stop_at:
                self._launch(connection)
        except OSError:
            self._replace(connection, stop_at)

    def _replace(self, broken: _Connection, stop_at: float) -> None:
        self._selector.unregister(broken.socket)
        broken.socket.close()
        self._under_way -= 1
        self._lost += 1
        if time.perf_counter() < stop_at:
            self._open(broken.port)


def quantile(ascending: Sequence[float], share: float) -> float:
    """Return the value below which this share of the values lies."""
    return ascending[int((len(ascending) - 1) * share)] if ascending else float("nan")


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Turn off garbage collection, which would pause all connections for 100,000 requests."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
