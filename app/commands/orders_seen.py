"""`altan-checkout orders seen`: marks an order's flag as seen."""

from typing import TYPE_CHECKING, Annotated

import typer

from app.adapters.system import SystemClock
from app.commands.events import AsJson, print_json
from app.commands.events_database import Demo, with_database
from app.domain.payments.flags import Flag
from app.usecases.order_document import Order
from app.usecases.read_orders import ReadOrders
from app.usecases.see_flag import SeeFlag

if TYPE_CHECKING:
    from app.databases import AnyDatabase


def seen(
    order_id: Annotated[str, typer.Argument(metavar="ID", help="chk_… or cs_…")],
    flag: Annotated[Flag, typer.Argument(metavar="FLAG", help=", ".join(Flag))],
    *,
    demo: Demo = None,
    as_json: AsJson = False,
) -> None:
    """Mark an order's flag as seen, until it has a new cause."""

    async def see(database: "AnyDatabase") -> Order:
        read_orders = ReadOrders(database=database)
        see_flag = SeeFlag(memory=database, read_orders=read_orders, clock=SystemClock())
        return await see_flag(order_id, flag)

    order = with_database(see, demo)
    if as_json:
        print_json({"id": order.id, "flag": flag, "seen": True})
    else:
        typer.echo(f"{order.id}: {flag} is marked as seen.")
