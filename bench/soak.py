"""A long run at half load, with strangers at work: what buyers and webhooks notice, and what grows.

Run `python -m bench.soak --minutes 60`. It fails if a webhook or a cart was refused or lost.
"""

import argparse
import contextlib
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bench import requests
from bench.contenders import Stage, service
from bench.load import drive, quantile
from bench.machine import MB, Cores
from bench.processes import Running

PROBE_S: Final = 5.0  # how long each kind is sent at full speed, to know what half of it is
SHARE: Final = 0.25  # of that; two kinds make half a load
SLICE_S: Final = 1.0  # signatures are made for each slice, so that none is too old
DELAY_MS: Final = 20  # Altan Pay's
CONNECTIONS: Final = 4
STRANGERS: Final = 20
STRANGERS_FROM: Final = "127.0.0.2"
STRANGER_HOLDS_S: Final = 2.0
_NASTY: Final = (
    (
        b"POST /webhooks/stripe HTTP/1.1\r\nHost: localhost\r\nStripe-Signature: t=1,v1=00\r\n"
        b"Content-Length: 2\r\n\r\n{}"
    ),
    b"GET /checkout/cs_test_nobody?wait=25 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 10,  # whose answers nobody reads
    b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Endless: ",
)


@dataclass(slots=True)
class Kind:
    """One kind of honest request: how many each slice sends, and what became of them."""

    name: str
    make: Callable[[int], list[bytes]]
    count: int = 0
    p99s_ms: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    lost: int = 0

    def probe(self, port: int) -> None:
        """Find out how many the service takes in a second, and plan a share of it."""
        prepared = self.make(int(5_000 * PROBE_S))
        sample = drive(port, prepared, connections=4 * CONNECTIONS, seconds=PROBE_S)
        self.count = max(1, int(sample.requests_per_s * SHARE * SLICE_S))

    def send_until(self, port: int, stop_at: float) -> None:
        """Send slice after slice, each with a pause after it."""
        while (began := time.monotonic()) < stop_at:
            prepared = self.make(self.count)
            sample = drive(port, prepared, connections=CONNECTIONS, seconds=30)
            self.p99s_ms.append(sample.p99_ms)
            self.statuses.update(sample.statuses)
            self.lost += sample.lost
            time.sleep(max(0.0, began + SLICE_S - time.monotonic()))

    @property
    def is_clean(self) -> bool:
        """Whether every request was taken."""
        return self.lost == 0 and all(status < 400 for status in self.statuses)  # noqa: PLR2004 errors


def main() -> int:
    """Probe, run, and print what was seen at the start, each minute, and at the end."""
    options = _options()
    kinds = [Kind("webhooks", requests.webhooks), Kind("carts", requests.carts)]
    with TemporaryDirectory(prefix="bench-", dir=options.folder) as folder:
        stage = Stage(Path(folder), Cores())
        contender = service(requests.webhooks, "events")
        with (
            stage.upstream(DELAY_MS) as upstream,
            stage.server(contender, upstream_port=upstream.process.port) as server,
        ):
            for kind in kinds:
                kind.probe(server.process.port)
            _say(", ".join(f"{kind.count} {kind.name}" for kind in kinds) + " a second")
            rows_before = server.rows() or 0
            _soak(server.process, kinds, options.minutes * 60)
            missing = kinds[0].statuses[200] - ((server.rows() or 0) - rows_before)
    for kind in kinds:
        if not kind.is_clean:
            _say(f"FAULT: {kind.name}: statuses {dict(kind.statuses)}, {kind.lost} lost")
    # A refused one may be on disk, too: where the disk answered too late, nobody knew.
    if missing > 0:
        _say(f"FAULT: {missing} events were taken, but are not on disk")
    return 1 if missing > 0 or not all(kind.is_clean for kind in kinds) else 0


def _soak(process: Running, kinds: list[Kind], seconds: float) -> None:
    stop_at = time.monotonic() + seconds
    threads = [
        threading.Thread(target=kind.send_until, args=(process.port, stop_at)) for kind in kinds
    ]
    threads += [
        threading.Thread(target=_bother, args=(process.port, number, stop_at))
        for number in range(STRANGERS)
    ]
    _say("| minute | p99 of webhooks, ms | p99 of carts, ms | memory, MB | descriptors |")
    _report(process, kinds, 0)
    for thread in threads:
        thread.start()
    minute = 0
    while (left_s := stop_at - time.monotonic()) > 0:
        time.sleep(min(60, left_s))
        minute += 1
        _report(process, kinds, minute)
    for thread in threads:
        thread.join()
    time.sleep(15)  # longer than any stranger is held
    _report(process, kinds, minute + 1)


def _report(process: Running, kinds: list[Kind], minute: int) -> None:
    """The median slice's p99 of the last minute; memory and descriptors now."""
    slices = [sorted(kind.p99s_ms[-60:]) for kind in kinds]
    p99s = " | ".join(f"{quantile(each, 0.5):.1f}" for each in slices)
    files = len(list(Path(f"/proc/{process.pid}/fd").iterdir()))
    _say(f"| {minute} | {p99s} | {(process.resident_bytes or 0) / MB:.0f} | {files} |")


def _bother(port: int, number: int, stop_at: float) -> None:
    """One stranger: connects, says something nasty, never reads, and comes again."""
    while time.monotonic() < stop_at:
        with contextlib.suppress(OSError):
            source = (STRANGERS_FROM, 0)
            with socket.create_connection(("127.0.0.1", port), 5, source) as connection:
                connection.sendall(_NASTY[number % len(_NASTY)])
                time.sleep(STRANGER_HOLDS_S)


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 a command's words


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0, help="default: 60")
    parser.add_argument("--folder", type=Path, help="for the database; on a disk, not in memory")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
