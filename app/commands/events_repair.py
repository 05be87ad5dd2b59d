"""`altan-checkout events replay` and `events rebuild`: process events again."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from app.adapters.system import SystemClock
from app.commands.events import AsJson, cell, print_json
from app.commands.events_database import Demo, be_silent, stop, with_database
from app.commands.state_words import EVENT_WORDS
from app.domain.errors import NotFoundError
from app.domain.fold.rebuild import Rebuilt, Verdict
from app.domain.fold.records import EventState
from app.usecases.inspect_events import InspectEvents
from app.usecases.rebuild_payments import RebuildPayments
from app.usecases.replay_events import ReplayEvents

if TYPE_CHECKING:
    from app.databases import AnyDatabase


def replay(
    event_ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...")] = None,
    *,
    failed: Annotated[bool, typer.Option("--failed", help="All failed events.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="All events.")] = False,
    demo: Demo = None,
    as_json: AsJson = False,
) -> None:
    """Process events again. Safe at any time, also while the service runs."""
    if bool(event_ids) + failed + everything != 1:
        stop("Name the events to replay, or use --failed or --all.", status=2)

    async def run(database: "AnyDatabase") -> tuple[dict[str, int], list[str]]:
        replaying = ReplayEvents(
            database=database, clock=SystemClock(), alarm=be_silent, on_change=lambda _: None
        )
        if event_ids:
            ended = await replaying(event_ids)
        else:
            ended = await replaying.of_state(EventState.FAILED if failed else None)
        by_state = {state.value: ended[state] for state in EventState if ended[state]}
        missing = await _missing(database, event_ids or ())
        return by_state | ({"not_found": len(missing)} if missing else {}), missing

    ended, missing = with_database(run, demo)
    if as_json:
        print_json(ended)
        sys.exit(1 if missing else 0)
    words = {state.value: word for state, word in EVENT_WORDS.items()} | {"not_found": "not found"}
    message = ", ".join(f"{count} {words[name]}" for name, count in ended.items())
    Console().print(f"Replayed: {message or 'nothing'}.")
    if missing:
        stop("Not replayed: " + "; ".join(missing) + ".")


async def _missing(database: "AnyDatabase", event_ids: Sequence[str]) -> list[str]:
    """Say which of these could not be replayed, and why."""
    missing = []
    for event_id in dict.fromkeys(event_ids):
        try:
            seen = await InspectEvents(database=database).show(event_id)
        except NotFoundError:
            missing.append(f"{event_id} is unknown")
        else:
            if seen.row.payload is None:
                missing.append(f"the payload of {event_id} was deleted")
    return missing


def rebuild(
    *,
    repair: Annotated[
        bool, typer.Option("--repair", help="Correct the payments that differ.")
    ] = False,
    demo: Demo = None,
    as_json: AsJson = False,
) -> None:
    """Compute every payment from its events, and report differences; exit 1 if there are any."""

    async def run(database: "AnyDatabase") -> tuple[dict[Verdict, int], list[Rebuilt]]:
        counts = dict.fromkeys(Verdict, 0)
        differing = []
        async for rebuilt in RebuildPayments(database=database, clock=SystemClock())(repair=repair):
            counts[rebuilt.verdict] += 1
            if rebuilt.verdict is Verdict.DIFFERENT:
                differing.append(rebuilt)
        return counts, differing

    counts, differing = with_database(run, demo)
    if as_json:
        by_verdict: dict[str, object] = {verdict.value: count for verdict, count in counts.items()}
        print_json(by_verdict | {"differences": [_difference(each) for each in differing]})
    else:
        _print_rebuilt(counts, differing)
    if differing:
        sys.exit(0 if repair else 1)


def _print_rebuilt(counts: dict[Verdict, int], differing: list[Rebuilt]) -> None:
    console = Console()
    if differing:
        table = Table("payment", "kept", "rebuilt", "links missing", "events without payload")
        for rebuilt in differing:
            document = _difference(rebuilt)
            table.add_row(*(cell(str(value)) for value in document.values()))
        console.print(table)
    console.print(
        f"{counts[Verdict.SAME]} payments match their events, "
        f"{counts[Verdict.DIFFERENT]} differ; {counts[Verdict.PRUNED]} cannot be fully rebuilt "
        "because payloads were deleted (EVENT_RETENTION_DAYS), but match the remaining events."
    )


def _difference(rebuilt: Rebuilt) -> dict[str, object]:
    return {
        "session_id": rebuilt.session_id,
        "kept": rebuilt.kept.facts.status if rebuilt.kept else None,
        "rebuilt": rebuilt.facts.status,
        "missing_links": len(rebuilt.missing_links),
        "pruned_events": rebuilt.pruned_events,
    }
