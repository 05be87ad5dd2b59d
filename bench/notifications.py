"""What notifications cost, how soon they arrive, and how fast a backlog drains, on both databases.

Run `python -m bench.notifications`. The receiver answers at once, on the load generator's core.
"""

import argparse
import sqlite3
import sys
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

from bench import requests
from bench.contenders import DATABASE, Contender, Stage, Started, service
from bench.load import Sample, drive, quantile
from bench.machine import MB, Cores, load
from bench.order_pages import fill_orders
from bench.paced import send_paced
from bench.postgres import Database, Postgres, postgres
from bench.upstream import Upstream
from tests.support.ports import free_port
from tests.support.postgres_server import fetch, run_apart

CONNECTIONS: Final = 16
RATES: Final = (1, 100, 1_000)  # payments in a second
PARTS: Final = ("rate", "delay", "backlog")
DATABASES: Final = ("SQLite", "PostgreSQL")
QUIET_S: Final = 3.0  # without another arrival; then nothing more comes
DRAIN_S_MAX: Final = 600.0

_SECRET: Final = "whsec_YmVuY2hiZW5jaGJlbmNoYmVuY2hiZW5jaA=="  # noqa: S105 made up
_SESSION: Final = b'"session_id":"'
_FILL: Final = """
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
    INSERT INTO notifications
        (id, tx, session_id, order_id, type, cause, at_ms, delivery, due_at_ms)
    SELECT 'msg_000000000' || CAST(10000000000000000 + i AS text), 1, 'cs_' || CAST(i AS text),
           'cs_' || CAST(i AS text), 'order.paid', '', {now_ms}, 'waiting', {now_ms}
    FROM n
"""


@dataclass(slots=True)
class Receiver:
    """Notes when each session's first notification came."""

    port: int = field(default_factory=free_port)
    count: int = 0
    came_at: dict[bytes, float] = field(default_factory=dict)

    def listen(self) -> None:
        """Answer from now on; until then, nobody does."""
        server = Upstream(self.port, delay_s=0, page=self._take)
        threading.Thread(target=server.serve, daemon=True).start()

    def wait_until_quiet(self) -> None:
        """Wait until nothing has come for a while."""
        seen, since = -1, time.perf_counter()
        while time.perf_counter() - since < QUIET_S:
            if self.count != seen:
                seen, since = self.count, time.perf_counter()
            time.sleep(0.05)

    @property
    def env(self) -> Mapping[str, str]:
        """Return the service's settings for it."""
        url = f"http://127.0.0.1:{self.port}/"
        return {"NOTIFY_URL": url, "NOTIFY_SECRETS": _SECRET, "NOTIFY_FOREIGN": "true"}

    def _take(self, request: bytes) -> bytes:
        at = request.find(_SESSION) + len(_SESSION)
        self.came_at.setdefault(request[at : request.find(b'"', at)], time.perf_counter())
        self.count += 1
        return b"{}"


@dataclass(frozen=True, slots=True)
class Bench:
    """One database's measurements."""

    stage: Stage
    name: str
    databases: Postgres | None
    rounds: int
    seconds: float
    waiting: int

    def run(self, parts: Collection[str]) -> None:
        """Measure these parts in turn, and print each figure."""
        if "rate" in parts:
            self._rates()
        for rate in RATES if "delay" in parts else ():
            self._delays(rate)
        if "backlog" in parts:
            self._backlog()

    def _rates(self) -> None:
        """The same webhooks with and without a receiver, in turn."""
        receiver = Receiver()
        receiver.listen()
        with self._started("plain", {}) as off, self._started("notifying", receiver.env) as on:
            pairs = [self._pair(off, on, number, receiver) for number in range(self.rounds)]
        ratio = median(on.requests_per_s / off.requests_per_s for off, on in pairs)
        rates = [
            median(sample.requests_per_s for sample in side) for side in zip(*pairs, strict=True)
        ]
        _say(f"| {self.name} | webhooks/s without, with | {rates[0]:,.0f}, {rates[1]:,.0f} |")
        _say(f"| {self.name} | with ÷ without, median of {self.rounds} rounds | {ratio:.2f} |")

    def _pair(
        self, off: Started, on: Started, number: int, receiver: Receiver
    ) -> tuple[Sample, Sample]:
        samples: dict[str, Sample] = {}
        for each in (off, on) if number % 2 == 0 else (on, off):
            samples[each.contender.name] = self._drive(each)
            receiver.wait_until_quiet()  # what is sent afterwards would slow the next run
        return samples["plain"], samples["notifying"]

    def _drive(self, server: Started) -> Sample:
        prepared = requests.webhooks(int(8_000 * self.seconds))
        sample = drive(server.process.port, prepared, connections=CONNECTIONS, seconds=self.seconds)
        if not sample.is_clean:
            _say(f"FAULT: {server.contender.name}: {dict(sample.statuses)}, {sample.lost} lost")
        return sample

    def _delays(self, rate: int) -> None:
        """From sending the event until the receiver has it."""
        receiver = Receiver()
        receiver.listen()
        count = int(rate * max(self.seconds, 20 / rate))
        serials = [next(requests.SERIALS) for _ in range(count)]
        prepared = requests.signed(requests.filled(requests.template("event.json"), serials))
        with self._started(f"delay_{rate}", receiver.env) as server:
            drive(server.process.port, requests.webhooks(20), connections=2, seconds=5)  # warm
            receiver.wait_until_quiet()
            sent_at = send_paced(server.process.port, prepared, rate)
            receiver.wait_until_quiet()
        delays_ms = [
            (receiver.came_at[session_id] - at) * 1000
            for session_id, at in zip(map(_session_id, serials), sent_at, strict=True)
            if session_id in receiver.came_at
        ]
        delays_ms.sort()
        p50, p99 = quantile(delays_ms, 0.5), quantile(delays_ms, 0.99)
        reached = count / (sent_at[-1] - sent_at[0]) if count > 1 else 0
        _say(
            f"| {self.name} | event to receiver at {rate}/s ({reached:,.0f}/s reached), p50, p99 | "
            f"{p50:.0f} ms, {p99:.0f} ms; {len(delays_ms):,} of {count:,} came |"
        )

    def _backlog(self) -> None:
        """A dead receiver with a backlog, against no receiver; then the receiver comes back."""
        receiver = Receiver()
        with self._started("quiet", {}) as off:
            self._fill(off)
            with self._started("dead", receiver.env) as on:
                self._fill(on)
                before_mb = (on.process.resident_bytes or 0) / MB
                pairs = [self._pair_of_dead(off, on, n) for n in range(self.rounds)]
                after_mb = (on.process.resident_bytes or 0) / MB
                p99s = [median(s.p99_ms for s in side) for side in zip(*pairs, strict=True)]
                what = f"webhooks' p99 without, with {self.waiting:,} waiting and a dead receiver"
                found = f"{p99s[0]:.1f} ms, {p99s[1]:.1f} ms; ratio {p99s[1] / p99s[0]:.2f}"
                _say(f"| {self.name} | {what} | {found} |")
                _say(f"| {self.name} | memory before, after | {before_mb:.0f}, {after_mb:.0f} MB |")
                self._drain(receiver, on)

    def _pair_of_dead(self, off: Started, on: Started, number: int) -> tuple[Sample, Sample]:
        first, second = (off, on) if number % 2 == 0 else (on, off)
        samples = {each.contender.name: self._drive(each) for each in (first, second)}
        return samples["quiet"], samples["dead"]

    def _drain(self, receiver: Receiver, server: Started) -> None:
        receiver.listen()
        stop_at = time.perf_counter() + DRAIN_S_MAX
        while receiver.count < 2 and time.perf_counter() < stop_at:  # noqa: PLR2004 after the probe
            time.sleep(0.01)
        began, first = time.perf_counter(), receiver.count
        while receiver.count < self.waiting and time.perf_counter() < stop_at:
            time.sleep(0.05)
        rate = (receiver.count - first) / (time.perf_counter() - began)
        drained_mb = (server.process.resident_bytes or 0) / MB
        found = f"{rate:,.0f}/s; memory {drained_mb:.0f} MB"
        _say(f"| {self.name} | drained {receiver.count:,} at | {found} |")

    def _fill(self, server: Started) -> None:
        fill_orders(server, self.waiting)
        sql = _FILL.format(count=self.waiting, now_ms=time.time_ns() // 1_000_000)
        if server.contender.database:
            run_apart(fetch(server.contender.database.url, sql))
            return
        with closing(sqlite3.connect(server.folder / DATABASE)) as connection, connection:
            connection.execute(sql)

    @contextmanager
    def _started(self, name: str, env: Mapping[str, str]) -> Iterator[Started]:
        contender = self._contender(name, env)
        with (
            self.stage.upstream(0) as upstream,
            self.stage.server(contender, upstream_port=upstream.process.port) as server,
        ):
            yield server

    def _contender(self, name: str, env: Mapping[str, str]) -> Contender:
        contender = replace(service(requests.webhooks, "events"), name=name, env=env)
        if self.databases is None:
            return contender
        database: Database = self.databases.database(name)
        migrate = [contender.command[0], "migrate"]
        return replace(contender, database=database, prepare=migrate)


def _session_id(serial: int) -> bytes:
    (body,) = requests.filled(requests.template("event.json"), [serial])
    at = body.find(b'"cs_') + 1
    return body[at : body.find(b'"', at)]


def main() -> int:
    """Measure on SQLite and on PostgreSQL, and print a row for each figure."""
    options = _options()
    with TemporaryDirectory(prefix="bench-", dir=options.folder) as folder:
        stage = Stage(Path(folder), Cores())
        with postgres(stage.new_folder()) as server:
            _say(f"Load average before the start: {load()}.")
            for name, databases in (("SQLite", None), ("PostgreSQL", server)):
                bench = Bench(
                    stage, name, databases, options.rounds, options.seconds, options.waiting
                )
                if name in options.databases:
                    bench.run(options.parts)
    return 0


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 a command's words


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.notifications", description=__doc__)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--databases", nargs="+", choices=DATABASES, default=DATABASES)
    parser.add_argument("--rounds", type=int, default=3, help="default: 3")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each run; default: 5")
    parser.add_argument("--waiting", type=int, default=100_000, help="default: 100,000")
    parser.add_argument("--folder", type=Path, help="for the databases; on a disk, not in memory")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
