"""`altan-checkout orders-table`: prints the SQL of the orders table, or sends all orders to it."""

from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated

import typer

from app.adapters.orders_table_sql import orders_table_sql
from app.commands.events_database import stop, with_database
from app.settings.settings import Settings, SettingsError, load_settings

if TYPE_CHECKING:
    from app.databases import AnyDatabase
    from app.usecases.fill_orders_table import Filling


def orders_table(
    *,
    personal: Annotated[
        bool,
        typer.Option("--personal", help="With the columns customer, shipping and custom_fields."),
    ] = False,
    fill: Annotated[
        bool, typer.Option("--fill", help="Print nothing; send all orders to ORDERS_TABLE_URL.")
    ] = False,
) -> None:
    """Print the SQL that makes the table for ORDERS_TABLE_URL; or fill it with all orders."""
    if not fill:
        typer.echo(orders_table_sql(with_personal=personal), nl=False)
        return
    settings = _settings_with_table()
    filling = with_database(lambda database: _fill(settings, database), has_demo=False)
    if filling.problem:
        done = f"{filling.sent} orders were sent; then the orders table {filling.problem}"
        stop(f"{done}. Run it again.")
    typer.echo(f"{filling.sent} orders were sent to {settings.orders_table_host}.")
    if filling.refused:
        first = f"The first was {filling.first_refused}"
        stop(f"The orders table refused {filling.refused} of the orders. {first}.")


def _settings_with_table() -> Settings:
    try:
        settings = load_settings()
    except SettingsError as error:
        stop("\n".join(error.lines), status=2)
    if settings.orders_table_url is None:
        stop("ORDERS_TABLE_URL is not set: set the table's address and ORDERS_TABLE_KEY.", status=2)
    return settings


async def _fill(settings: Settings, database: "AnyDatabase") -> "Filling":
    from app.adapters.http_transport import AiohttpTransport  # noqa: PLC0415 printing does without
    from app.adapters.posts import CheckedResolver  # noqa: PLC0415 as above
    from app.orders_table import open_orders_table  # noqa: PLC0415 as above
    from app.usecases.fill_orders_table import fill_orders_table  # noqa: PLC0415 as above
    from app.usecases.read_orders import ReadOrders  # noqa: PLC0415 as above

    async with AiohttpTransport(resolver=CheckedResolver()) as transport:
        table = open_orders_table(settings, transport, version=version("altan-checkout"))
        return await fill_orders_table(ReadOrders(database=database), table)
