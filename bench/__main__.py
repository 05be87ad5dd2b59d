"""`python -m bench`: measures, prints tables, and fails if a request was refused or lost."""

import argparse
import json
import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, TypeVar

from bench import machine, report
from bench.contenders import ON_SQLITE, SERVICE, TUTORIAL, UPSTREAM, Stage
from bench.folding import fold_trials
from bench.measures import Footprint, Plan, Trial, checkout_trials, footprint, webhook_trials
from bench.peers.contenders import FASTIFY
from bench.processes import StartError
from bench.scaled import Field, ReplicaTrial, growth_trials, postgres_trials, replica_trials
from bench.streams import Audience, StreamError, audience

T = TypeVar("T")

PARTS: Final = (
    "webhook", "postgres", "replicas", "fold", "checkout", "streams", "memory", "plots",
)  # fmt: skip
PLOTTED_DELAY_MS: Final = 20
PLOTTED_LOADS: Final = (1, 4, 16, 64, 256)
PLOTTED: Final = (SERVICE, ON_SQLITE, FASTIFY, TUTORIAL)

UPSTREAM_DELAYS_MS: Final = (0, 20, 150)
QUICK: Final = Plan(
    rounds=1, seconds=0.3, memory_webhooks=1_000, memory_checkouts=100, streams=200, changes=5
)
MEMORY_WEBHOOKS: Final = 10_000
MEMORY_CHECKOUTS: Final = 1_000
STREAMS: Final = 1_000
CHANGES: Final = 50


def main() -> int:
    """Run the parts that the command line selects."""
    options = _options()
    plan = QUICK if options.quick else _plan(options)
    parts = (options.only,) if options.only else PARTS
    with TemporaryDirectory(prefix="bench-", dir=options.folder) as folder:
        plots = {"webhook": options.svg, "checkout": options.checkout_svg}
        bench = _Bench(Path(folder), plan, plots)
        _say(bench.head())
        try:
            bench.run(parts)
        except (StartError, StreamError) as error:
            bench.faults.append(str(error))
    if options.json:
        options.json.write_text(json.dumps(bench.figures(), indent=1) + "\n")
    for fault in bench.faults:
        print(f"FAULT: {fault}", file=sys.stderr)  # noqa: T201 a command's words
    return 1 if bench.faults else 0


class _Bench:
    """Runs the parts in sequence, prints each when it is done, and keeps the figures."""

    def __init__(self, folder: Path, plan: Plan, plots: Mapping[str, Path | None]) -> None:
        self._plan = plan
        self._plots = plots
        self._folder = folder
        cores = machine.Cores()
        self._stage = Stage(folder, cores)
        self._machine = machine.describe(pinned=cores.pinned)
        self._trials: dict[str, list[Trial]] = {}
        self._lives: list[Footprint] = []
        self._audiences: list[Audience] = []
        self._replicas: list[ReplicaTrial] = []
        self.faults: list[str] = []

    def head(self) -> str:
        sync_ms = machine.sync_ms(self._folder)
        lines = ["# Bench", "", f"{self._machine}."]
        lines.append(f"Rounds: {self._plan.rounds} of {self._plan.seconds:g} s; medians are shown.")
        lines.append(f"Appending 4 KiB to a file and syncing it takes {sync_ms:.2f} ms here.")
        lines.append(f"Load average before the start: {machine.load()}.")
        if sync_ms < machine.IN_MEMORY_MS:
            lines.append("This is not a disk: choose a folder on one with --folder.")
        return "\n".join([*lines, ""])

    def run(self, parts: Collection[str]) -> None:
        for part in PARTS:
            if part in parts:
                getattr(self, part)()

    def webhook(self) -> None:
        title = "Webhook: signed, unique, committed with fsync"
        self._compare(title, webhook_trials(self._stage, self._plan))

    def postgres(self) -> None:
        title = "Webhook on PostgreSQL: signed, unique, folded, committed with fsync"
        entered = Field()
        done = self._watch(title, postgres_trials(self._stage, self._plan, entered))
        _say(report.comparison(title, done, entered.missing))

    def replicas(self) -> None:
        trials = _watched(replica_trials(self._stage, self._plan), _describe_replicas)
        self._replicas = list(trials)
        self.faults += [f"{_describe_replicas(t)}: {t.fault}" for t in self._replicas if t.fault]
        _say(report.replicas(self._replicas, self._stage.cores))

    def fold(self) -> None:
        title = "Fold: the same bytes, recorded only or folded into a payment"
        done = self._watch(title, fold_trials(self._stage, self._plan))
        _say(report.folding(title, done))

    def checkout(self) -> None:
        for delay_ms in UPSTREAM_DELAYS_MS:
            title = f"Checkout: upstream answers after {delay_ms} ms"
            self._compare(title, checkout_trials(self._stage, self._plan, delay_ms=delay_ms))

    def streams(self) -> None:
        for _ in _watched(range(self._plan.rounds), lambda n: f"streams, round {n + 1}"):
            self._audiences.append(audience(self._stage, self._plan))
        _say(report.audiences(self._audiences))

    def memory(self) -> None:
        for number in _watched(range(self._plan.rounds), lambda n: f"memory, round {n + 1}"):
            life = footprint(self._stage, self._plan)
            self._lives.append(life)
            self.faults += [f"memory, round {number + 1}: {fault}" for fault in life.faults]
        _say(report.footprints(self._lives))
        _say(
            f"The load: {self._plan.memory_webhooks:,} webhooks and "
            f"{self._plan.memory_checkouts:,} checkouts.\n"
        )

    def plots(self) -> None:
        """Draw only the plots for which the command line names a file."""
        entered = Field()
        webhooks = growth_trials(self._stage, self._plan, PLOTTED_LOADS, PLOTTED, entered)
        self._plot(
            "webhook",
            "Webhook as load grows: the service is on PostgreSQL, and on SQLite",
            webhooks,
        )
        delay_ms = PLOTTED_DELAY_MS
        carts = checkout_trials(self._stage, self._plan, delay_ms=delay_ms, loads=PLOTTED_LOADS)
        title = f"Checkout: upstream answers after {delay_ms} ms"
        # The upstream alone is ten times as fast as the others, and would flatten their curves.
        callers = (trial for trial in carts if trial.contender != UPSTREAM)
        self._plot("checkout", f"{title}, as load grows", callers)

    def _plot(self, name: str, title: str, trials: Iterable[Trial]) -> None:
        file = self._plots[name]
        if file is not None:
            file.write_text(report.plot(title, self._watch(title, trials)))
            _say(f"{title}: {file}\n")

    def figures(self) -> dict[str, object]:
        return {
            "machine": self._machine,
            "plan": asdict(self._plan),
            "trials": {title: list(map(asdict, ts)) for title, ts in self._trials.items()},
            "footprints": list(map(asdict, self._lives)),
            "replicas": list(map(asdict, self._replicas)),
            "audiences": list(map(asdict, self._audiences)),
            "faults": self.faults,
        }

    def _compare(self, title: str, trials: Iterable[Trial]) -> None:
        _say(report.comparison(title, self._watch(title, trials)))

    def _watch(self, title: str, trials: Iterable[Trial]) -> list[Trial]:
        done = self._trials[title] = list(_watched(trials, _describe))
        self.faults += [f"{title}: {_describe(t)}: {t.fault}" for t in done if t.fault]
        return done


def _describe(trial: Trial) -> str:
    return f"round {trial.round + 1}, {trial.connections} connections, {trial.contender}"


def _describe_replicas(trial: ReplicaTrial) -> str:
    return f"round {trial.round + 1}, {trial.connections} connections, {trial.replicas} replicas"


def _watched(things: Iterable[T], describe: Callable[[T], str]) -> Iterable[T]:
    """Shows the progress on a terminal."""
    for thing in things:
        if sys.stderr.isatty():
            print(f"\r\033[K{describe(thing)}", end="", file=sys.stderr)  # noqa: T201 as above
        yield thing
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)  # noqa: T201 as above


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 a command's words


def _plan(options: argparse.Namespace) -> Plan:
    return Plan(
        rounds=options.rounds,
        seconds=options.seconds,
        memory_webhooks=MEMORY_WEBHOOKS,
        memory_checkouts=MEMORY_CHECKOUTS,
        streams=STREAMS,
        changes=CHANGES,
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a quick check, within a minute")
    parser.add_argument("--rounds", type=int, default=3, help="default: 3")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each run; default: 3")
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument(
        "--folder", type=Path, help="folder for the databases; on a disk, not in memory"
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="also write every figure to this file"
    )
    for option, what in (("--svg", "the webhook"), ("--checkout-svg", "the checkout")):
        help_ = f"draw {what} under growing load into this file"
        parser.add_argument(option, type=Path, metavar="FILE", help=help_)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
