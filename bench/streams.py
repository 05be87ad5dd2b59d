"""Many waiting pages: what each costs, and how fast the last one gets an update.

One thread and a selector, as in `load`: it opens the streams, sends the webhooks, and notes when
each answer and each message arrives.
"""

import itertools
import json
import resource
import selectors
import socket
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final

from bench import requests
from bench.contenders import Stage, Started, service
from bench.load import drive
from bench.measures import Plan

STREAMS_OF_ONE: Final = 10  # the service's limit for one payment, and half of a client's
WAIT_S_MAX: Final = 30.0

_SPARE_FILES: Final = 200
_TAKEN: Final = b"HTTP/1.1 200"
_RECEIVE_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """Some open streams. Delays are from a webhook's 200 to the last message that it causes."""

    streams: int
    payments: int
    open_s: float
    stream_kb: float | None
    one_changes_s: Sequence[float]
    all_change_s: Sequence[float]


class StreamError(Exception):
    """A stream ended, or did not send what it should."""


class _Line:
    """One connection: a payment's stream, or the connection for its webhooks."""

    __slots__ = ("payment", "socket", "tail")

    def __init__(self, port: int, payment: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=WAIT_S_MAX)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.payment = payment
        self.tail = b""

    def hears(self, mark: bytes) -> bool:
        """Return whether the mark has arrived; the network may split it."""
        data = self.socket.recv(_RECEIVE_BYTES)
        if not data:
            raise StreamError("a stream has ended")
        seen = self.tail + data
        self.tail = seen[-len(mark) + 1 :]
        return mark in seen


class _Crowd:
    """All streams and senders, and their selector."""

    def __init__(self, port: int, session_ids: Sequence[str]) -> None:
        self._selector = selectors.DefaultSelector()
        self._session_ids = session_ids
        self._senders = [self._line(port, payment) for payment in range(len(session_ids))]
        self._streams: list[_Line] = []
        self._port = port

    def open(self, count: int) -> None:
        """Open streams, payment by payment, until each has shown its payment's state."""
        for number in range(count):
            stream = self._line(self._port, number % len(self._session_ids))
            path = f"/checkout/{self._session_ids[stream.payment]}/events"
            client = f"X-Forwarded-For: 10.0.{stream.payment >> 8}.{stream.payment & 255}"
            head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{client}\r\n\r\n"
            stream.socket.sendall(head.encode())
            self._streams.append(stream)
        self._hear(self._streams, {}, _refunded(0))

    def change(self, events: Iterable[tuple[int, bytes]], refunded: int) -> list[float]:
        """Send each payment's event at once; return the delays until its last stream has it."""
        senders = {}
        for payment, request in events:
            senders[self._senders[payment]] = payment
            self._senders[payment].socket.sendall(request)
        told = [stream for stream in self._streams if stream.payment in senders.values()]
        heard_at = self._hear(told, senders, _refunded(refunded))
        taken_at = {sender.payment: heard_at[sender] for sender in senders}
        last_at = dict.fromkeys(taken_at, 0.0)
        for stream in told:
            last_at[stream.payment] = max(last_at[stream.payment], heard_at[stream])
        return [max(0.0, last_at[payment] - taken_at[payment]) for payment in taken_at]

    def close(self) -> None:
        for key in list(self._selector.get_map().values()):
            key.data.socket.close()
        self._selector.close()

    def _line(self, port: int, payment: int) -> _Line:
        line = _Line(port, payment)
        self._selector.register(line.socket, selectors.EVENT_READ, line)
        return line

    def _hear(
        self, streams: Iterable[_Line], senders: Iterable[_Line], mark: bytes
    ) -> dict[_Line, float]:
        """Return when each stream has sent this, and each sender was answered."""
        marks = dict.fromkeys(streams, mark) | dict.fromkeys(senders, _TAKEN)
        heard_at: dict[_Line, float] = {}
        give_up_at = time.perf_counter() + WAIT_S_MAX
        while len(heard_at) < len(marks):
            if time.perf_counter() > give_up_at:
                raise StreamError(f"{len(marks) - len(heard_at)} have not received {mark.decode()}")
            for key, _ in self._selector.select(1):
                line = key.data
                if line.hears(marks.get(line, mark)):
                    heard_at.setdefault(line, time.perf_counter())
        return heard_at


def audience(stage: Stage, plan: Plan) -> Audience:
    """Open the streams; refund a small amount of one payment at a time, then of all at once.

    Raises:
        StreamError: a stream got no update.
    """
    _allow_files(plan.streams + _SPARE_FILES)  # before the start, because the service inherits it
    serials = list(itertools.islice(requests.SERIALS, max(1, plan.streams // STREAMS_OF_ONE)))
    contender = service(requests.webhooks, "events")
    contender = replace(contender, env={**contender.env, "TRUSTED_PROXIES": "127.0.0.1"})
    with (
        stage.upstream(0) as upstream,
        stage.server(contender, upstream_port=upstream.process.port) as server,
        _crowd(server, serials) as crowd,
    ):
        before, began = server.process.resident_bytes, time.perf_counter()
        crowd.open(plan.streams)
        open_s, after = time.perf_counter() - began, server.process.resident_bytes
        refunded = itertools.count(1)
        one = [
            crowd.change([(payment, _refund(serial, change))], change)[0]
            for change in itertools.islice(refunded, plan.changes)
            for payment, serial in enumerate(serials)
        ]
        everyone = [
            crowd.change([(n, _refund(serial, change)) for n, serial in enumerate(serials)], change)
            for change in itertools.islice(refunded, plan.changes)
        ]
    known = before is not None and after is not None
    return Audience(
        streams=plan.streams,
        payments=len(serials),
        open_s=open_s,
        stream_kb=((after or 0) - (before or 0)) / plan.streams / 1000 if known else None,
        one_changes_s=one,
        all_change_s=[max(delays) for delays in everyone],
    )


@contextmanager
def _crowd(server: Started, serials: Sequence[int]) -> Iterator[_Crowd]:
    """Start without streams."""
    template = requests.template("event.json")
    session_id = json.loads(template)["data"]["object"]["id"].encode()
    session_ids = [found.decode() for found in requests.filled(session_id, serials)]
    paid = requests.signed(requests.filled(template, serials))
    drive(server.process.port, paid, connections=1, seconds=WAIT_S_MAX)
    crowd = _Crowd(server.process.port, session_ids)
    try:
        yield crowd
    finally:
        crowd.close()


def _refund(serial: int, change: int) -> bytes:
    """Return an event that refunds one more of the smallest unit."""
    subject = {
        "id": f"re_{serial}_{change}",
        "object": "refund",
        "amount": 1,
        "payment_intent": "pi_3Exemplo%serial%",
        "status": "succeeded",
    }
    document = {
        "id": f"evt_refund_{serial}_{change}",
        "object": "event",
        "created": int(time.time()),
        "type": "refund.created",
        "data": {"object": subject},
    }
    (request,) = requests.signed(requests.filled(json.dumps(document).encode(), [serial]))
    return request


def _refunded(sum_minor: int) -> bytes:
    return b'"amount_refunded":%d,' % sum_minor


def _allow_files(count: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(count, hard), hard))
