"""`altan-checkout events …`: lists, shows, replays and rebuilds events.

Payloads contain personal data, so they are shown only on request.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from app.commands.events_database import Demo, EventsCommand, stop, with_database
from app.commands.state_words import EVENT_CHOICES, EVENT_WORDS, read_event_state
from app.domain.fold.records import EventState
from app.domain.moments import rfc3339, rfc3339_of
from app.domain.printable import printable, printable_json, printable_lines
from app.domain.stripe_events.tolerant_json import read_tolerantly
from app.usecases.inspect_events import EventInspection, InspectEvents
from app.usecases.records import EventQuery, EventSummary

events = typer.Typer(help="List Stripe's events, and process them again.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]

_COLORS: Final = {
    EventState.FOLDED: "green",
    EventState.RECORDED: "dim",
    EventState.WAITING: "yellow",
    EventState.UNREAD: "yellow",
    EventState.FAILED: "bold red",
}


@events.command("list", cls=EventsCommand)
def list_(  # noqa: PLR0913 each is one option of the command line
    *,
    state: Annotated[
        EventState | None,
        typer.Option(
            parser=read_event_state,
            metavar=f"[{EVENT_CHOICES}]",
            help="Only events in this state.",
        ),
    ] = None,
    type: Annotated[str | None, typer.Option(help="Only events of this type.")] = None,  # noqa: A002 its name on the command line
    payment: Annotated[
        str | None, typer.Option(help="Only events of this checkout id or cs_… session id.")
    ] = None,
    limit: Annotated[
        int, typer.Option(min=1, max=10_000, help="The maximum number of events.")
    ] = 50,
    demo: Demo = None,
    as_json: AsJson = False,
) -> None:
    """List events, the latest first."""
    found = with_database(
        lambda database: InspectEvents(database=database).list(
            EventQuery(state=state, type=type, payment=payment, limit=limit)
        ),
        demo,
    )
    if as_json:
        print_json([summary_of(event) for event in found])
    else:
        _print_events(found)
    if not found:
        _stop_where_one_was_named(payment, type)


def _print_events(found: Sequence[EventSummary]) -> None:
    if not found:
        typer.echo("No such event.")
        return
    table = Table(
        Column("received (UTC)", no_wrap=True),
        Column("type and id", overflow="fold"),
        Column("state", no_wrap=True),
        "reason",
    )
    for event in found:
        reason = cell(event.reason or "") if event.has_payload else "payload was deleted"
        type_and_id = f"{cell(event.type)}\n[dim]{cell(event.id)}[/]"
        table.add_row(time_of(event.received_at_ms), type_and_id, colored(event.state), reason)
    Console().print(table)


def _stop_where_one_was_named(payment: str | None, type_: str | None) -> None:
    """Report a named payment or type without events, because it may be misspelled."""
    if payment:
        stop(f"No event of {payment}: --payment takes a checkout id (chk_…) or session id (cs_…).")
    if type_:
        stop(f"No event of the type {type_}.")


@events.command(cls=EventsCommand)
def show(
    event_id: Annotated[str, typer.Argument(metavar="ID", help="evt_…")],
    *,
    payload: Annotated[
        bool, typer.Option("--payload", help="Show the body too; it contains personal data.")
    ] = False,
    demo: Demo = None,
    as_json: AsJson = False,
) -> None:
    """Show one event, and the payments that it concerns."""
    seen = with_database(lambda database: InspectEvents(database=database).show(event_id), demo)
    document = _inspection(seen, with_payload=payload)
    if as_json:
        print_json(document)
        return
    table = Table.grid(Column(), Column(overflow="fold"), padding=(0, 2))
    for name, value in (document | _for_people(seen)).items():
        table.add_row(f"[bold]{name}[/]", "" if value is None else shown(value))
    Console().print(table)


def _for_people(seen: EventInspection) -> dict[str, str]:
    """Return what people read in other words than programs."""
    created_s = seen.row.created_s
    return {
        "state": EVENT_WORDS[seen.row.state],
        "created": "" if created_s is None else f"{time_of(created_s * 1000)} UTC",
        "received": f"{time_of(seen.row.received_at_ms)} UTC",
    }


def shown(value: object) -> str:
    """Return a value for rich: text as it is, anything else as JSON, all escaped."""
    if isinstance(value, str):
        return cell(value)
    return escape(printable_lines(json.dumps(value, indent=2, ensure_ascii=False)))


def _inspection(seen: EventInspection, *, with_payload: bool) -> dict[str, Any]:
    document: dict[str, Any] = {
        "id": seen.row.id,
        "type": seen.row.type,
        "state": seen.row.state,
        "reason": seen.row.reason,
        "created": rfc3339_of(seen.row.created_s),
        "received": rfc3339(seen.row.received_at_ms),
        "source": seen.row.source,
        "livemode": seen.row.livemode,
        "mentions": list(seen.object_ids),
        "payments": [
            {
                "session_id": payment.session_id,
                "checkout_id": payment.facts.checkout_id,
                "status": payment.facts.status,
                "amount_refunded": payment.facts.amount_refunded_minor,
                "renewals_paid": payment.facts.renewals_paid,
                "contradicted": payment.facts.contradicted,
                "price_mismatch": payment.price_mismatch,
                "facts": {name: value for name, value in asdict(payment.facts).items() if value},
            }
            for payment in seen.payments
        ],
    }
    if with_payload:
        payload = seen.row.payload
        document["payload"] = None if payload is None else read_tolerantly(payload)
    return document


def summary_of(event: EventSummary) -> dict[str, object]:
    """Return an event as JSON fields for a list."""
    return asdict(event) | {
        "received_at": rfc3339(event.received_at_ms),
        "created": rfc3339_of(event.created_s),
    }


def print_json(document: object) -> None:
    """Print a document for programs, without control characters."""
    typer.echo(printable_json(json.dumps(document, indent=2, ensure_ascii=False)))


def cell(text: str) -> str:
    """Escape text from others for rich: no markup, no control characters."""
    return escape(printable(text))


def colored(state: EventState) -> str:
    """Return a state with rich's markup, padded to a fixed width."""
    return f"[{_COLORS[state]}]{EVENT_WORDS[state]:<9}[/]"


def time_of(at_ms: int) -> str:
    """Return a time in UTC, to the second."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(sep=" ", timespec="seconds")[:19]
