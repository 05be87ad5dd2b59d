"""`altan-checkout events tail`: shows events as they are recorded, until Ctrl-C."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Annotated, Final

import orjson
import typer
from rich.console import Console

from app.commands.events import cell, colored, summary_of, time_of
from app.commands.events_database import Demo, with_cause, with_database
from app.commands.output import discard_output
from app.domain.errors import StorageUnavailableError
from app.domain.printable import printable, printable_json
from app.usecases.follow_events import FollowedEvent, FollowEvents

if TYPE_CHECKING:
    from app.databases import AnyDatabase

POLL_S: Final = 0.5

Show = Callable[[FollowedEvent], None]


def tail(
    *,
    last: Annotated[
        int, typer.Option(min=0, max=1000, help="How many earlier events to show first.")
    ] = 10,
    demo: Demo = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object per line.")
    ] = False,
) -> None:
    """Show events as they are recorded, until Ctrl-C."""
    show: Show = _print_json if as_json else partial(_print, _Console(highlight=False))
    try:
        with suppress(KeyboardInterrupt):
            with_database(partial(_follow, last=last, show=show), demo)
    except BrokenPipeError:
        discard_output()  # the reader has seen enough, as `head` does


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Raise what it was called for, instead of an exit with 1."""
        raise BrokenPipeError


async def _follow(database: "AnyDatabase", *, last: int, show: Show) -> None:
    following = FollowEvents(database=database)
    followed = await following.begin(last)
    typer.echo("Following the events. Press Ctrl-C to stop.", err=True)
    is_away = False
    while True:
        for each in followed:
            show(each)
        if not followed:
            await asyncio.sleep(POLL_S)
        try:
            followed = await following.news()
        except StorageUnavailableError as error:
            followed = []
            if not is_away:
                message = printable(with_cause(error))
                typer.echo(f"Waiting for the database: {message}", err=True)
            is_away = True
        else:
            if is_away:
                typer.echo("The database is available again.", err=True)
            is_away = False


def _print(console: Console, followed: FollowedEvent) -> None:
    """Print an event on two lines, so that both fit into 80 columns."""
    event = followed.event
    ids = [event.id, *(each.facts.checkout_id or each.session_id for each in followed.payments)]
    lines = [
        f"{time_of(event.received_at_ms)} UTC  {colored(event.state)}  {cell(event.type)}",
        f"  [dim]{cell('  '.join(ids))}[/]",
    ]
    if event.reason:
        lines.append(f"  {cell(event.reason)}")
    console.print("\n".join(lines), soft_wrap=True)


def _print_json(followed: FollowedEvent) -> None:
    payments = [
        {
            "session_id": payment.session_id,
            "checkout_id": payment.facts.checkout_id,
            "status": payment.facts.status,
        }
        for payment in followed.payments
    ]
    document = summary_of(followed.event) | {"payments": payments}
    typer.echo(printable_json(orjson.dumps(document).decode()))
