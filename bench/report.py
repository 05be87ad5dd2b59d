"""Turns trials into tables: medians over the rounds, and ratios of contenders side by side."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from statistics import median
from typing import Final

from bench.contenders import SERVICE
from bench.folding import RECORDED
from bench.measures import Footprint, Trial
from bench.plot import Panel, drawing
from bench.scaled import ReplicaTrial
from bench.streams import Audience

START_S_GOAL: Final = 2.0
RESIDENT_MB_GOAL: Final = 120.0
LAST_MESSAGE_MS_GOAL: Final = 1_000.0

_HEAD: Final = (
    "connections", "contender", "service ÷ it", "requests/s", "p50 ms", "p99 ms", "CPU ms each",
    "its CPU ÷ service's",
)  # fmt: skip


def comparison(
    title: str, trials: Sequence[Trial], missing: Mapping[str, str] | None = None
) -> str:
    """Return a table for one measure. In both ratios, above 1 means that the service is better.

    CPU time is least affected by other load on the machine.
    """
    head: tuple[str, ...] = _HEAD
    keys = sorted(dict.fromkeys(map(_key, trials)), key=lambda key: key[0])
    rows = [_row(trials, *key) for key in keys]
    if any(trial.database_cpu_ms is not None for trial in trials):
        head = (*_HEAD, "PostgreSQL's CPU ms each")
        rows = [(*row, _database_cpu(trials, int(row[0]), row[1])) for row in rows]
    share = max(trial.sample.generator_share for trial in trials)
    notes = [f"The load generator was busy for at most {share:.0%} of a run."]
    notes += [f"Missing: {name}: {reason}" for name, reason in (missing or {}).items()]
    return "\n".join([f"## {title}", "", *_table(head, rows), "", *notes, ""])


def replicas(trials: Sequence[ReplicaTrial], cores: int) -> str:
    """Return what more replicas gain, and how busy the machine was."""
    head = ("connections", "replicas", "requests/s", "÷ one", "p50 ms", "p99 ms",
            "CPU ms each", "PostgreSQL's CPU ms each", "cores busy")  # fmt: skip
    rows = []
    for connections, count in sorted({(trial.connections, trial.replicas) for trial in trials}):
        mine, one = (
            sorted(
                (t for t in trials if (t.connections, t.replicas) == (connections, number)),
                key=lambda trial: trial.round,
            )
            for number in (count, 1)
        )
        gains = [
            its.sample.requests_per_s / single.sample.requests_per_s
            for its, single in zip(mine, one, strict=True)
        ]
        rows.append(
            (
                str(connections),
                str(count),
                f"{median(trial.sample.requests_per_s for trial in mine):,.0f}",
                "" if count == 1 else f"{median(gains):.2f}",
                f"{median(trial.sample.p50_ms for trial in mine):.2f}",
                f"{median(trial.sample.p99_ms for trial in mine):.2f}",
                _median_of(trial.cpu_ms for trial in mine),
                _median_of(trial.database_cpu_ms for trial in mine),
                _median_of(trial.cores_busy for trial in mine),
            )
        )
    note = (
        f"Replicas, PostgreSQL and the load generator share {cores} cores, and none is pinned: "
        f"if about {cores} are busy, the machine is saturated, and no gain is visible. "
        "The connections are divided, so more replicas fold smaller batches, which costs more "
        "CPU for each request. Replicas on separate machines are not measured here."
    )
    return "\n".join(["## Replicas on one PostgreSQL", "", *_table(head, rows), "", note, ""])


def plot(title: str, trials: Sequence[Trial]) -> str:
    """Return the medians of every contender over the load, as SVG."""
    loads = sorted({trial.connections for trial in trials})
    names = list(dict.fromkeys(trial.contender for trial in sorted(trials, key=lambda t: t.round)))
    measures: dict[str, Callable[[Trial], float]] = {
        "requests/s": _rate,
        "p50, ms": lambda trial: trial.sample.p50_ms,
        "p99, ms": lambda trial: trial.sample.p99_ms,
    }
    panels = [
        Panel(
            measure,
            {n: [_median(map(value, _of(trials, load, n))) for load in loads] for n in names},
            is_logarithmic=measure != "requests/s",
        )
        for measure, value in measures.items()
    ]
    return drawing(title, "connections", loads, panels)


def folding(title: str, trials: Sequence[Trial]) -> str:
    """Return each kind of event's time and CPU, compared with one that is only recorded."""
    head = ("connections", "event", "events/s", "p50 ms", "p99 ms", "CPU ms each",
            "time ÷ recording's", "CPU ÷ recording's")  # fmt: skip
    rows = []
    for connections, kind in dict.fromkeys(_key(trial) for trial in trials):
        mine, recorded = _of(trials, connections, kind), _of(trials, connections, RECORDED)
        times = [_rate(base) / _rate(it) for base, it in zip(recorded, mine, strict=True)]
        cpu_ms, base_ms = _cpu_ms(mine), _cpu_ms(recorded)
        rows.append(
            (
                str(connections),
                kind,
                f"{median(map(_rate, mine)):,.0f}",
                f"{median(trial.sample.p50_ms for trial in mine):.2f}",
                f"{median(trial.sample.p99_ms for trial in mine):.2f}",
                f"{cpu_ms:.3f}" if cpu_ms else "",
                "" if kind == RECORDED else f"{median(times):.2f}",
                f"{cpu_ms / base_ms:.2f}" if cpu_ms and base_ms and kind != RECORDED else "",
            )
        )
    rows.sort(key=lambda row: (int(row[0]), row[1] != RECORDED, row[1]))
    return "\n".join([f"## {title}", "", *_table(head, rows), ""])


def audiences(rounds: Sequence[Audience]) -> str:
    """Return the cost of streams, and how fast the last of them is updated."""
    one = [_p99(heard.one_changes_s) * 1000 for heard in rounds]
    everyone = [_p99(heard.all_change_s) * 1000 for heard in rounds]
    kb = [heard.stream_kb for heard in rounds if heard.stream_kb is not None]
    size, payments = rounds[0].streams, rounds[0].payments
    rows = [
        _plain("opening all of them, s", [heard.open_s for heard in rounds]),
        _plain("memory for each stream, kB", kb),
        _goal("one payment changes, its last stream has it, p99, ms", one, LAST_MESSAGE_MS_GOAL),
        _goal(
            "all change at once, the last stream has it, p99, ms", everyone, LAST_MESSAGE_MS_GOAL
        ),
    ]
    head = ("", "median", "worst", "goal", "")
    title = f"## Streams: {size:,} open, of {payments} payments"
    counts = f"{len(rounds[0].one_changes_s)} and {len(rounds[0].all_change_s)}"
    note = f"Time counts from the webhook's 200; {counts} changes in each round."
    return "\n".join([title, "", *_table(head, rows), "", note, ""])


def footprints(lives: Sequence[Footprint]) -> str:
    """Return startup and memory, compared with their goals."""
    rows = [
        _goal("start on an empty folder, s", [life.start_s for life in lives], START_S_GOAL),
        _goal("second start, s", [life.second_start_s for life in lives], START_S_GOAL),
        _goal("resident at rest, MB", [life.rest_mb for life in lives], RESIDENT_MB_GOAL),
        _goal("resident after load, MB", [life.loaded_mb for life in lives], RESIDENT_MB_GOAL),
    ]  # fmt: skip
    head = ("", "median", "worst", "goal", "")
    return "\n".join(["## Start and memory", "", *_table(head, rows), ""])


def _key(trial: Trial) -> tuple[int, str]:
    return trial.connections, trial.contender


def _row(trials: Sequence[Trial], connections: int, contender: str) -> tuple[str, ...]:
    mine = _of(trials, connections, contender)
    service = _of(trials, connections, SERVICE)
    ratios = [_rate(ours) / _rate(theirs) for ours, theirs in zip(service, mine, strict=False)]
    cpu_ms, service_cpu_ms = _cpu_ms(mine), _cpu_ms(service)
    return (
        str(connections),
        contender,
        "" if contender == SERVICE else f"{median(ratios):.2f}",
        f"{median(map(_rate, mine)):,.0f}",
        f"{median(trial.sample.p50_ms for trial in mine):.2f}",
        f"{median(trial.sample.p99_ms for trial in mine):.2f}",
        f"{cpu_ms:.3f}" if cpu_ms else "",
        f"{cpu_ms / service_cpu_ms:.2f}" if cpu_ms and service_cpu_ms and mine != service else "",
    )


def _of(trials: Sequence[Trial], connections: int, contender: str) -> list[Trial]:
    wanted = connections, contender
    return sorted((t for t in trials if _key(t) == wanted), key=lambda trial: trial.round)


def _cpu_ms(trials: Sequence[Trial]) -> float | None:
    known = [trial.cpu_ms for trial in trials if trial.cpu_ms is not None]
    return median(known) if known else None


def _database_cpu(trials: Sequence[Trial], connections: int, contender: str) -> str:
    return _median_of(trial.database_cpu_ms for trial in _of(trials, connections, contender))


def _median_of(values: Iterable[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{median(known):.3f}" if known else ""


def _median(values: Iterable[float]) -> float:
    known = list(values)
    return median(known) if known else float("nan")


def _rate(trial: Trial) -> float:
    return trial.sample.requests_per_s or float("nan")


def _goal(name: str, values: Sequence[float | None], goal: float) -> tuple[str, ...]:
    known = [value for value in values if value is not None]
    if not known:
        return name, "unknown here", "", f"< {goal:g}", ""
    verdict = "met" if max(known) < goal else "MISSED"
    return name, f"{median(known):.2f}", f"{max(known):.2f}", f"< {goal:g}", verdict


def _plain(name: str, values: Sequence[float]) -> tuple[str, ...]:
    if not values:
        return name, "unknown here", "", "", ""
    return name, f"{median(values):.2f}", f"{max(values):.2f}", "", ""


def _p99(values: Sequence[float]) -> float:
    return sorted(values)[int((len(values) - 1) * 0.99)]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Return a Markdown table with aligned columns: numbers to the right."""
    columns = [[name, *(row[place] for row in rows)] for place, name in enumerate(head)]
    widths = [max(map(len, column)) for column in columns]
    aligns: list[Callable[[str, int], str]] = [
        str.rjust if all(_is_number(cell) for cell in column[1:]) else str.ljust
        for column in columns
    ]
    yield _line(head, widths, aligns)
    yield "|" + "|".join(
        "-" * (width + 1) + ("-" if align is str.ljust else ":")
        for width, align in zip(widths, aligns, strict=True)
    ) + "|"  # fmt: skip
    for row in rows:
        yield _line(row, widths, aligns)


def _line(
    cells: Sequence[str], widths: Sequence[int], aligns: Sequence[Callable[[str, int], str]]
) -> str:
    padded = (align(cell, width) for cell, width, align in zip(cells, widths, aligns, strict=True))
    return f"| {' | '.join(padded)} |"


def _is_number(cell: str) -> bool:
    return cell.replace(",", "").replace(".", "").isdecimal() or not cell
