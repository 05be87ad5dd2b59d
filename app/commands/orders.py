"""`altan-checkout orders …`: lists orders and shows one.

Names and addresses are shown only on request.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console

from app.commands.events import AsJson, cell, print_json, shown
from app.commands.events_database import Demo, EventsCommand, stop, with_database
from app.commands.orders_csv import orders_csv
from app.commands.orders_since import midnight_ms, since_ms
from app.domain.moments import rfc3339_of
from app.domain.money import Money
from app.domain.payments.status import PaymentStatus
from app.usecases.inspect_events import InspectEvents
from app.usecases.order_document import Order, dashboard_url_of
from app.usecases.orders import OrderFilter
from app.usecases.read_declines import ReadDeclines
from app.usecases.read_orders import ReadOrders

if TYPE_CHECKING:
    from app.databases import AnyDatabase

orders = typer.Typer(help="List orders, show one, and erase a buyer's data.", no_args_is_help=True)

Document = dict[str, Any]
Personal = Annotated[
    bool, typer.Option("--personal", help="Also show customer, shipping, and what buyers typed.")
]

PAGE: Final = 200
_PERSONAL: Final = ("customer", "shipping", "custom_fields", "metadata")
_NOT_PAID: Final = frozenset({PaymentStatus.OPEN, PaymentStatus.FAILED, PaymentStatus.EXPIRED})
_COLORS: Final = {
    PaymentStatus.PAID: "green",
    PaymentStatus.FAILED: "red",
    PaymentStatus.DISPUTED: "bold red",
}


@orders.command("list", cls=EventsCommand)
def list_(  # noqa: PLR0913 each is one option of the command line
    *,
    today: Annotated[
        bool, typer.Option("--today", help="Only since midnight, in this machine's time zone.")
    ] = False,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only since 7d, 12h, 30m or 2026-11-29.")
    ] = None,
    status: Annotated[
        list[PaymentStatus] | None, typer.Option(help="Only with this status; may repeat.")
    ] = None,
    order: Annotated[
        str | None, typer.Option(metavar="NUMBER", help="Only with this client_reference_id.")
    ] = None,
    flagged: Annotated[
        bool, typer.Option("--flagged", help="Only with a flag that nobody has seen.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="The maximum number.")] = 50,
    personal: Personal = False,
    as_csv: Annotated[
        bool,
        typer.Option("--csv", help="Print CSV, for a spreadsheet; amounts are in the minor unit."),
    ] = False,
    demo: Demo = None,
    as_json: AsJson = False,
) -> None:
    """List orders, the latest first."""
    if as_csv and as_json:
        stop("Use --csv or --json, not both.", status=2)
    wanted = OrderFilter(
        client_reference_id=order,
        statuses=frozenset(status or ()),
        flagged=True if flagged else None,
        created_gte_ms=_created_gte_ms(since, is_today=today),
    )
    found = with_database(lambda database: _list(database, wanted, limit), demo)
    documents = [each if personal else _impersonal(each) for each in found]
    if as_json:
        print_json(documents)
    elif as_csv:
        typer.echo(orders_csv(documents), nl=False)
    else:
        _print_orders(documents)


def _created_gte_ms(since: str | None, *, is_today: bool) -> int | None:
    now = datetime.now().astimezone()
    if since is None:
        return midnight_ms(now) if is_today else None
    if is_today:
        stop("Use --today or --since, not both.", status=2)
    try:
        return since_ms(since, now)
    except ValueError as error:
        stop(f"--since: {error}", status=2)


async def _list(database: "AnyDatabase", wanted: OrderFilter, limit: int) -> list[Document]:
    read_orders, found, after = ReadOrders(database=database), list[Order](), None
    while len(found) < limit:
        page = await read_orders.page(wanted, after, limit=min(PAGE, limit - len(found)))
        found += page.orders
        after = page.next
        if after is None:
            break
    return [await _described(database, each) for each in found]


async def _described(database: "AnyDatabase", order: Order) -> Document:
    """Return an order's document, with its link to Stripe's dashboard and its decline reason."""
    document, declined = order.document, None
    if document["status"] in _NOT_PAID and document["session_id"]:
        events = InspectEvents(database=database)
        declined = await ReadDeclines(events=events).latest(document["session_id"])
    return document | {
        "unseen_flags": [flag.value for flag in order.unseen],
        "declined": asdict(declined) | {"reason": declined.reason} if declined else None,
        "dashboard_url": dashboard_url_of(document),
    }


def _impersonal(document: Document) -> Document:
    return {name: value for name, value in document.items() if name not in _PERSONAL}


def _print_orders(documents: Sequence[Document]) -> None:
    if not documents:
        typer.echo("No such order.")
        return
    blocks = ["\n".join(_lines(each)) for each in documents]
    # Don't wrap lines, so that ids and links can be copied.
    Console(highlight=False).print("\n\n".join(blocks), soft_wrap=True)


def _lines(document: Document) -> Iterator[str]:
    """Yield the lines about one order: its state, what it is called, and its page at Stripe."""
    created, status = document["created_at"][:19].replace("T", " "), document["status"]
    color = _COLORS.get(status, "none")
    flags = f"  [bold red]{' '.join(document['flags'])}[/]" if document["flags"] else ""
    yield f"{created} UTC  [{color}]{status:<18}[/]  {_amount(document)}{flags}"
    number, declined = document["client_reference_id"], document["declined"]
    yield f"  {document['id']}{f'  {cell(number)}' if number else ''}"
    if declined:
        yield f"  {cell(declined['reason'])}"
    if document["dashboard_url"]:
        yield f"  {cell(document['dashboard_url'])}"


def _amount(document: Document) -> str:
    amount_minor, currency = document["amount_total"], document["currency"]
    if amount_minor is None or currency is None:
        return ""
    money = Money(amount_minor=amount_minor, currency=currency)
    return f"{money.amount} {cell(currency.upper())}"


@orders.command(cls=EventsCommand)
def show(
    order_id: Annotated[str, typer.Argument(metavar="ID", help="chk_… or cs_…")],
    *,
    personal: Personal = False,
    demo: Demo = None,
    as_json: AsJson = False,
) -> None:
    """Show one order, by its checkout id or session id."""

    async def look(database: "AnyDatabase") -> Document:
        order = await ReadOrders(database=database).one(order_id)
        state = await database.reconciliation_state()
        compared_at = rfc3339_of(state.compared_at_s(order.position.created_at_ms))
        return await _described(database, order) | {"compared_with_stripe_at": compared_at}

    document = with_database(look, demo)
    document = document if personal else _impersonal(document)
    if as_json:
        print_json(document)
        return
    width = max(map(len, document))
    for name, value in document.items():
        text = "" if value in (None, [], {}) else shown(value)
        gap = " " * (width - len(name) + 2) if text else ""
        indented = text.replace("\n", f"\n{' ' * (width + 2)}")
        Console(highlight=False).print(f"[bold]{name}[/]{gap}{indented}", soft_wrap=True)
