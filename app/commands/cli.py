"""The `altan-checkout` command line. Each command imports what it needs when it runs."""

import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated

import typer

from app.adapters.database.migrate import MigrationError
from app.commands.demo_command import PORT_MAX, demo
from app.commands.events import cell, events
from app.commands.events_database import EventsCommand, stop
from app.commands.events_repair import rebuild, replay
from app.commands.events_tail import tail
from app.commands.notifications import notifications
from app.commands.orders import orders
from app.commands.orders_erase import erase
from app.commands.orders_seen import seen
from app.commands.orders_table import orders_table
from app.commands.output import all_written
from app.commands.reconcile import reconcile
from app.commands.webhooks import webhooks
from app.domain.printable import printable
from app.settings.settings import SettingsError, load_settings

if TYPE_CHECKING:
    from starlette.applications import Starlette

cli = typer.Typer(
    name="altan-checkout",
    help="Checkout for shops built on Altan: a cart becomes a Stripe payment page.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

events.command(cls=EventsCommand)(replay)
events.command(cls=EventsCommand)(rebuild)
events.command(cls=EventsCommand)(tail)
orders.command(cls=EventsCommand)(erase)
orders.command(cls=EventsCommand)(seen)
cli.add_typer(events, name="events")
cli.add_typer(notifications, name="notifications")
cli.add_typer(orders, name="orders")
cli.add_typer(webhooks, name="webhooks")

Host = Annotated[str | None, typer.Option(help="Address to listen on; default: HOST.")]
Port = Annotated[
    int | None, typer.Option(min=0, max=PORT_MAX, help="Port to listen on; default: PORT.")
]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line: with the process's arguments, or with these."""
    with all_written():
        cli(arguments, prog_name="altan-checkout")


def _print_version(*, is_wanted: bool) -> None:
    if is_wanted:
        typer.echo(f"altan-checkout {version('altan-checkout')}")
        raise typer.Exit


@cli.callback()
def _options(
    *,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Checkout for shops built on Altan: a cart becomes a Stripe payment page."""


@cli.command()
def serve(host: Host = None, port: Port = None) -> None:
    """Serve checkouts and webhooks until SIGTERM or Ctrl-C."""
    from app.bootstrap import prepare  # noqa: PLC0415 other commands do without it
    from app.serving import CannotListenError, run  # noqa: PLC0415 as above

    try:
        settings = load_settings()
        prepare(settings)
        run(settings, host=host or settings.host, port=settings.port if port is None else port)
    except SettingsError as error:
        stop("\n".join(error.lines), status=2)
    except (CannotListenError, MigrationError) as error:
        stop(f"altan-checkout cannot start: {error}")


@cli.command()
def migrate() -> None:
    """Bring the database's schema up to date and exit."""
    from app.catalogs import check_catalog  # noqa: PLC0415 other commands do without it
    from app.databases import prepare_database  # noqa: PLC0415 as above

    try:
        settings = load_settings()
        check_catalog(settings)  # a release that could not start then changes nothing
        prepare_database(settings, by_operator=True)
    except SettingsError as error:
        stop("\n".join(error.lines), status=2)
    except MigrationError as error:
        stop(f"The database was not migrated: {error}")
    typer.echo(f"{printable(settings.database_name)} is up to date.")


@cli.command()
def sandbox(  # noqa: PLR0913 each is one option of the command line
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=PORT_MAX, help="Port to listen on.")] = 9000,
    public_url: Annotated[
        str, typer.Option(envvar="SANDBOX_PUBLIC_URL", help="The sandbox's URL for browsers.")
    ] = "http://localhost:9000",
    checkout_url: Annotated[
        str,
        typer.Option(envvar="SANDBOX_CHECKOUT_URL", help="The service's URL for browsers."),
    ] = "http://localhost:8000",
    webhook_url: Annotated[
        str, typer.Option(envvar="SANDBOX_WEBHOOK_URL", help="The service's webhook endpoint.")
    ] = "http://127.0.0.1:8000/webhooks/stripe",
    webhook_secret: Annotated[
        str,
        typer.Option(
            envvar="SANDBOX_WEBHOOK_SECRET", help="The secret that webhooks are signed with."
        ),
    ] = "whsec_sandbox_0123456789abcdef",  # noqa: S107 published on purpose
    api_token: Annotated[
        str,
        typer.Option(
            envvar="SANDBOX_API_TOKEN", help="One of API_TOKENS, for the shop's order desk."
        ),
    ] = "",
    notified: Annotated[
        str,
        typer.Option(
            envvar="SANDBOX_NOTIFIED", help="The server that is notified instead of the sandbox."
        ),
    ] = "",
) -> None:
    """Simulate Altan Pay, Stripe's payment page and a shop: everything except the service."""
    from sandbox.server import SandboxConfig, create_sandbox  # noqa: PLC0415 see the docstring

    config = SandboxConfig(
        public_url=public_url,
        checkout_url=checkout_url,
        webhook_url=webhook_url,
        webhook_secret=webhook_secret,
        api_token=api_token,
        notified=notified,
    )
    _serve_sandbox(create_sandbox(config), host=host, port=port)


def _serve_sandbox(sandbox: "Starlette", *, host: str, port: int) -> None:
    import uvicorn  # noqa: PLC0415 see the module's docstring

    from app.serving import CannotListenError, listen  # noqa: PLC0415

    try:
        listeners = listen(host, port)
    except CannotListenError as error:
        stop(f"The sandbox cannot start: {error}")
    uvicorn.Server(
        uvicorn.Config(
            sandbox,
            host=host,
            port=port,
            ws="none",
            log_level="warning",
            timeout_graceful_shutdown=5,
        )
    ).run(sockets=listeners)


@cli.command()
def doctor(
    *,
    test_alert: Annotated[
        bool, typer.Option("--test-alert", help="Post a test alert to ALERT_WEBHOOK_URL and exit.")
    ] = False,
    probe: Annotated[
        bool,
        typer.Option("--probe", help="Make one session at Altan Pay, say what came, and exit."),
    ] = False,
    price: Annotated[
        str | None, typer.Option(help="The price to probe with; default: the catalog's first.")
    ] = None,
    live: Annotated[
        bool, typer.Option("--live", help="Probe even where the account may be live.")
    ] = False,
) -> None:
    """Check settings, database, clock and Altan Pay; exit 1 if anything would not work."""
    if not probe and (price is not None or live):
        raise typer.BadParameter("needs --probe", param_hint="--live" if live else "--price")
    if test_alert:
        _test_alert()
        return
    if probe:
        _probe(price, even_live=live)
        return
    from rich.console import Console  # noqa: PLC0415 see the module's docstring
    from rich.table import Table  # noqa: PLC0415

    from app.commands.doctor import examine  # noqa: PLC0415
    from app.commands.findings import Finding, Verdict  # noqa: PLC0415

    try:
        findings = list(examine(load_settings()))
    except SettingsError as error:
        findings = [Finding("settings", Verdict.FAILS, line) for line in error.lines]
    table = Table("part", "state", "what to know")
    colors = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.FAILS: "bold red"}
    for finding in findings:
        state = f"[{colors[finding.verdict]}]{finding.verdict}[/]"
        table.add_row(cell(finding.subject), state, cell(finding.message))
    Console().print(table)
    if any(finding.verdict is Verdict.FAILS for finding in findings):
        sys.exit(1)


def _test_alert() -> None:
    from app.alerting import post_test_alert  # noqa: PLC0415 see the module's docstring

    try:
        trouble = post_test_alert(load_settings())
    except SettingsError as error:
        stop("\n".join(error.lines), status=2)
    except ValueError as error:
        stop(f"No alert was posted: {error}.", status=2)
    if trouble:
        stop(f"The chat at ALERT_WEBHOOK_URL did not accept the alert: {trouble}.")
    typer.echo("The chat at ALERT_WEBHOOK_URL accepted the alert.")


def _probe(price: str | None, *, even_live: bool) -> None:
    from app.commands.doctor_probe import ProbeError, probe  # noqa: PLC0415

    try:
        for line in probe(load_settings(), price=price, even_live=even_live):
            typer.echo(line)
    except SettingsError as error:
        stop("\n".join(error.lines), status=2)
    except ProbeError as error:
        stop(f"The probe failed: {error}.")


@cli.command("copy-database")
def copy_database(
    source: Annotated[str, typer.Argument(metavar="FROM", help="sqlite:///…")],
    target: Annotated[str, typer.Argument(metavar="TO", help="postgresql://…")],
) -> None:
    """Move a shop from its SQLite file to an empty PostgreSQL database; stop the service first."""
    from app.commands.copy_database import (  # noqa: PLC0415 see the docstring
        AddressError,
        CopyError,
        copy_database,
    )

    try:
        copied = copy_database(source, target)
    except AddressError as error:
        raise typer.BadParameter(str(error), param_hint=error.argument) from error
    except CopyError as error:
        stop(f"Nothing was copied: {error}")
    for table in copied:
        typer.echo(f"{table.table}: {table.rows} rows, sha256 {table.digest}, equal on both sides")


cli.command()(demo)
cli.command()(reconcile)
cli.command("orders-table")(orders_table)
