"""`altan-checkout orders erase`: deletes a buyer's data."""

from dataclasses import asdict
from typing import Annotated

import typer

from app.adapters.system import SystemClock
from app.commands.events import AsJson, print_json
from app.commands.events_database import Demo, stop, with_database
from app.domain.printable import printable
from app.usecases.erase_order import EraseOrder
from app.usecases.read_orders import ReadOrders

_QUESTION = "Delete the stored bodies of {}'s events? This cannot be undone."


def erase(
    order_id: Annotated[str, typer.Argument(metavar="ID", help="chk_… or cs_…")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    demo: Demo = None,
    as_json: AsJson = False,
) -> None:
    """Delete a buyer's data: the bodies of an order's events. Amounts and status stay."""
    name = printable(order_id)
    if not yes:
        with_database(lambda database: ReadOrders(database=database).one(order_id), demo)
        typer.confirm(_QUESTION.format(name), abort=True, err=True)
    erased = with_database(
        lambda database: EraseOrder(database=database, clock=SystemClock())(order_id), demo
    )
    if as_json:
        print_json(asdict(erased))
    else:
        bodies = "1 body" if erased.deleted == 1 else f"{erased.deleted} bodies"
        typer.echo(f"{name}: {bodies} deleted. Backups and Stripe still have the buyer's data.")
    if erased.kept_ids:
        kept = "\n".join(map(printable, erased.kept_ids))
        stop(f"Not processed yet, so kept; replay these events, then erase again:\n{kept}")
