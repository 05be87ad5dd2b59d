"""The webhook on PostgreSQL: the service, alternatives on the same server, and replicas."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Final

from asyncpg import PostgresError

from bench import requests
from bench.contenders import Contender, Stage, Started, rivals_of_postgres, service_on
from bench.load import Sample, drive
from bench.measures import (
    REQUESTS_PER_S_MAX,
    WEBHOOK_CONNECTIONS,
    Plan,
    Trial,
    each_ms,
    round_of,
)
from bench.peers.contenders import PEERS
from bench.postgres import Database, Postgres, postgres
from bench.processes import StartError, python_module

PGBENCH: Final = "pgbench's insert"
REPLICAS: Final = (1, 2, 4)
REPLICA_CONNECTIONS: Final = (16, 64)  # in all, divided between the replicas


@dataclass(slots=True)
class Field:
    """The contenders, and the missing ones with the reason."""

    started: list[Started] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)

    def leave(self, name: str, error: Exception) -> None:
        """Continue without this contender."""
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        self.missing[name] = lines[-1][-200:] if lines else type(error).__name__
        self.started = [one for one in self.started if one.contender.name != name]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaTrial:
    """A number of replicas under one load. CPU is for each request; `cores_busy` is in total."""

    round: int
    connections: int
    replicas: int
    sample: Sample
    cpu_ms: float | None
    database_cpu_ms: float | None
    cores_busy: float | None
    fault: str | None


def postgres_trials(stage: Stage, plan: Plan, entered: Field) -> Iterator[Trial]:
    """Compare the service with alternatives; those that do not start are noted in `entered`."""
    with _stand(stage) as stand:
        stand.enter(entered, PEERS)
        for number in range(plan.rounds):
            for connections in WEBHOOK_CONNECTIONS:
                if connections == 1:
                    yield from stand.inserts(number, plan.seconds, entered)
                yield from _round_of_those_left(number, entered, plan.seconds, connections)


def growth_trials(
    stage: Stage, plan: Plan, loads: Sequence[int], names: Sequence[str], entered: Field
) -> Iterator[Trial]:
    """Measure the named contenders under more loads."""
    with _stand(stage) as stand:
        stand.enter(entered, {name: PEERS[name] for name in names if name in PEERS})
        entered.started = [one for one in entered.started if one.contender.name in names]
        for number in range(plan.rounds):
            for connections in loads:
                yield from _round_of_those_left(number, entered, plan.seconds, connections)


def replica_trials(stage: Stage, plan: Plan) -> Iterator[ReplicaTrial]:
    """Measure one, two and four replicas on one database; no process is pinned to a core."""
    with stage.shared(), _stand(stage) as stand:
        database = stand.database("replicas")
        replicas = [stand.start(service_on(database)) for _ in range(max(REPLICAS))]
        for number in range(plan.rounds):
            first = number % len(REPLICAS)
            for connections in REPLICA_CONNECTIONS:
                for count in [*REPLICAS[first:], *REPLICAS[:first]]:
                    yield _together(number, replicas[:count], database, connections, plan.seconds)


class _Stand:
    """A PostgreSQL server, and the contenders that use it."""

    def __init__(self, stage: Stage, stack: ExitStack) -> None:
        self._stage = stage
        self._stack = stack
        self._server: Postgres = stack.enter_context(postgres(stage.new_folder()))
        self._upstream = stack.enter_context(stage.upstream(0))
        self._inserted: Database | None = None

    def database(self, name: str) -> Database:
        return self._server.database(name)

    def start(self, contender: Contender) -> Started:
        port = self._upstream.process.port
        return self._stack.enter_context(self._stage.server(contender, upstream_port=port))

    def enter(
        self, entered: Field, peers: Mapping[str, Callable[[Database, int], Contender]]
    ) -> None:
        """Return the service, simple versions, and the alternatives that can be installed."""
        for contender in [service_on(self.database("checkout")), *rivals_of_postgres()]:
            entered.started.append(self.start(contender))
        api = Contender(
            name="Stripe's API",
            command=python_module("bench.peers.stripe_api"),
            first_path="/",
            requests=requests.webhooks,
        )
        api_port = self._stack.enter_context(self._stage.beside_load(api)).process.port
        for number, (name, peer) in enumerate(peers.items()):
            try:
                started = self.start(peer(self.database(f"peer_{number}"), api_port))
                started.rows()
                entered.started.append(started)
            except (StartError, PostgresError, OSError) as error:
                entered.leave(name, error)

    def inserts(self, number: int, seconds: float, entered: Field) -> Iterator[Trial]:
        """Measure PostgreSQL's own load generator with one connection, if it is installed."""
        self._inserted = self._inserted or self.database("inserted")
        try:
            sample = self._server.insert(self._inserted, seconds, self._stage.new_folder())
        except StartError as error:
            entered.leave(PGBENCH, error)
            return
        yield Trial(
            round=number, connections=1, contender=PGBENCH, sample=sample, cpu_ms=None, fault=None
        )


@contextmanager
def _stand(stage: Stage) -> Iterator[_Stand]:
    with ExitStack() as stack:
        yield _Stand(stage, stack)


def _round_of_those_left(
    number: int, entered: Field, seconds: float, connections: int
) -> Iterator[Trial]:
    """Leave out an alternative once it disconnects permanently."""
    first = number % len(entered.started)
    for server in [*entered.started[first:], *entered.started[:first]]:
        try:
            yield from round_of(number, [server], seconds, [connections])
        except (PostgresError, OSError) as error:
            if server.contender.name not in PEERS:
                raise
            entered.leave(server.contender.name, error)


def _together(
    number: int, replicas: Sequence[Started], database: Database, connections: int, seconds: float
) -> ReplicaTrial:
    prepared = requests.webhooks(int(REQUESTS_PER_S_MAX * seconds))
    rows_before, cpu_before, database_before = (
        database.rows("events"),
        _cpu_s(replicas),
        database.cpu_s,
    )
    began = time.perf_counter()
    ports = [replica.process.port for replica in replicas]
    sample = drive(ports, prepared, connections=connections, seconds=seconds)
    took_s = time.perf_counter() - began
    cpu_ms = each_ms(cpu_before, _cpu_s(replicas), sample.answered)
    database_cpu_ms = each_ms(database_before, database.cpu_s, sample.answered)
    written = database.rows("events") - rows_before
    faults = [] if sample.is_clean else [f"statuses {dict(sample.statuses)}, {sample.lost} lost"]
    if written != sample.taken:
        faults.append(f"{written} rows on disk, but {sample.taken} requests were accepted")
    busy_s = ((cpu_ms or 0) + (database_cpu_ms or 0)) * sample.answered / 1000
    known = cpu_ms is not None and database_cpu_ms is not None
    return ReplicaTrial(
        round=number,
        connections=connections,
        replicas=len(replicas),
        sample=sample,
        cpu_ms=cpu_ms,
        database_cpu_ms=database_cpu_ms,
        cores_busy=busy_s / took_s + sample.generator_share if known else None,
        fault="; ".join(faults) or None,
    )


def _cpu_s(replicas: Sequence[Started]) -> float | None:
    known = [replica.process.cpu_s for replica in replicas]
    return None if None in known else sum(cpu_s or 0.0 for cpu_s in known)
