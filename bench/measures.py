"""The measurements: contenders side by side in rounds; startup and memory of the service."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

from bench import requests
from bench.contenders import (
    Contender,
    Stage,
    Started,
    checkout_contenders,
    service,
    webhook_contenders,
)
from bench.load import Sample, drive
from bench.machine import MB

# Requests built for each second of a run; a server that is faster ends its run early.
REQUESTS_PER_S_MAX: Final = 15_000

WEBHOOK_CONNECTIONS: Final = (1, 16, 64)
CHECKOUT_CONNECTIONS: Final = (1, 16, 64, 256)  # stock httpx collapses at some of them
MEMORY_CONNECTIONS: Final = 16
MEMORY_SECONDS_MAX: Final = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much is measured."""

    rounds: int
    seconds: float
    memory_webhooks: int
    memory_checkouts: int
    streams: int
    changes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One contender under one load in one round.

    `cpu_ms` is the server's CPU time for each request; `database_cpu_ms` is PostgreSQL's, if it is
    used.
    """

    round: int
    connections: int
    contender: str
    sample: Sample
    cpu_ms: float | None
    fault: str | None
    database_cpu_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """One run of the service, and a second start on the same database."""

    start_s: float
    second_start_s: float
    rest_mb: float | None
    loaded_mb: float | None
    faults: Sequence[str]


def webhook_trials(stage: Stage, plan: Plan) -> Iterator[Trial]:
    """Measure signed events with unique ids; the service answers each after its commit."""
    with stage.upstream(0) as upstream:
        for number in range(plan.rounds):
            with ExitStack() as stack:
                started = _start(stack, stage, webhook_contenders(), upstream)
                yield from round_of(number, started, plan.seconds, WEBHOOK_CONNECTIONS)


def checkout_trials(
    stage: Stage, plan: Plan, *, delay_ms: float, loads: Sequence[int] = CHECKOUT_CONNECTIONS
) -> Iterator[Trial]:
    """Measure carts, with an upstream that takes `delay_ms` to answer."""
    with stage.upstream(delay_ms) as upstream:
        port = upstream.process.port
        for number in range(plan.rounds):
            with ExitStack() as stack:
                started = _start(stack, stage, checkout_contenders(), upstream)
                contenders = [*started, upstream]
                yield from round_of(number, contenders, plan.seconds, loads)
            for connections in loads:
                yield _calls_alone(stage, number, port, connections, plan.seconds)


def _calls_alone(
    stage: Stage, number: int, upstream_port: int, connections: int, seconds: float
) -> Trial:
    """Measure a stock httpx client that only calls the upstream, in the server's place."""
    seen = stage.in_place_of_the_server(
        "bench.bare_client",
        *("--upstream-port", str(upstream_port)),
        *("--connections", str(connections)),
        *("--seconds", str(seconds)),
    )
    cpu_ms = seen.pop("cpu_ms")
    statuses = {int(status): count for status, count in seen.pop("statuses").items()}
    return Trial(
        round=number,
        connections=connections,
        contender="httpx alone",
        sample=Sample(**seen, statuses=statuses, lost=0, generator_share=0),
        cpu_ms=cpu_ms,
        fault=None,
    )


def footprint(stage: Stage, plan: Plan) -> Footprint:
    """Start in an empty folder, receive events and carts, stop, and start again."""
    contender = service(requests.webhooks, "events")
    with stage.upstream(0) as upstream:
        port = upstream.process.port
        with stage.server(contender, upstream_port=port) as first:
            rest = first.process.resident_bytes
            faults = _load_memory(first, plan)
            loaded = first.process.resident_bytes
        with stage.server(contender, upstream_port=port, folder=first.folder) as second:
            second_start_s = second.process.start_s
    return Footprint(
        start_s=first.process.start_s,
        second_start_s=second_start_s,
        rest_mb=None if rest is None else rest / MB,
        loaded_mb=None if loaded is None else loaded / MB,
        faults=faults,
    )


def _start(
    stack: ExitStack, stage: Stage, contenders: Sequence[Contender], upstream: Started
) -> list[Started]:
    port = upstream.process.port
    return [
        stack.enter_context(stage.server(contender, upstream_port=port)) for contender in contenders
    ]


def round_of(
    number: int, started: Sequence[Started], seconds: float, loads: Sequence[int]
) -> Iterator[Trial]:
    """Measure all under the same load in turn, so that a slow minute of the machine affects all.

    Each round begins with another one, because the first one after a pause has the coldest machine.
    """
    first = number % len(started)
    for connections in loads:
        for server in [*started[first:], *started[:first]]:
            yield trial(number, server, connections, seconds)


def trial(number: int, server: Started, connections: int, seconds: float) -> Trial:
    """Measure one server under one load; the rows on disk must match the accepted requests."""
    prepared = server.contender.requests(int(REQUESTS_PER_S_MAX * seconds))
    database, rows_before = server.contender.database, server.rows()
    cpu_before, database_cpu_before = server.process.cpu_s, database.cpu_s if database else None
    sample = drive(server.process.port, prepared, connections=connections, seconds=seconds)
    cpu_after, database_cpu_after = server.process.cpu_s, database.cpu_s if database else None
    return Trial(
        round=number,
        connections=connections,
        contender=server.contender.name,
        sample=sample,
        cpu_ms=each_ms(cpu_before, cpu_after, sample.answered),
        fault=_fault(server, sample, rows_before),
        database_cpu_ms=each_ms(database_cpu_before, database_cpu_after, sample.answered),
    )


def each_ms(before_s: float | None, after_s: float | None, count: int) -> float | None:
    """Return the CPU time for each of `count` requests, if it is known."""
    if before_s is None or after_s is None or not count:
        return None
    return (after_s - before_s) * 1000 / count


def _fault(server: Started, sample: Sample, rows_before: int | None) -> str | None:
    if not sample.is_clean:
        return f"statuses {dict(sample.statuses)}, {sample.lost} lost"
    rows_after = server.rows()
    if rows_before is None or rows_after is None:
        return None
    written = rows_after - rows_before
    if written != sample.taken:
        return f"{written} rows on disk, but {sample.taken} requests were accepted"
    return None


def _load_memory(server: Started, plan: Plan) -> list[str]:
    faults = []
    rows_before = server.rows()
    for prepared, rows_wanted in (
        (requests.webhooks(plan.memory_webhooks), rows_before),
        (requests.carts(plan.memory_checkouts), None),
    ):
        sample = drive(
            server.process.port,
            prepared,
            connections=MEMORY_CONNECTIONS,
            seconds=MEMORY_SECONDS_MAX,
        )
        fault = _fault(server, sample, rows_wanted)
        if fault is not None:
            faults.append(fault)
    return faults
