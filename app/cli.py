"""The `altan-checkout` command: what an operator runs. Each command imports what it needs, late."""

import sys
from typing import Annotated, NoReturn

import typer

from app.settings import Settings, SettingsError, load_settings

cli = typer.Typer(
    name="altan-checkout",
    help="Checkout for shops built on Altan: a cart becomes a Stripe payment page.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

Host = Annotated[str | None, typer.Option(help="Address to listen on; default: HOST.")]
Port = Annotated[int | None, typer.Option(help="Port to listen on; default: PORT.")]


def main() -> None:
    """Run the command line."""
    cli()


@cli.command()
def serve(host: Host = None, port: Port = None) -> None:
    """Serve checkouts and webhooks until SIGTERM or Ctrl-C."""
    from app.serving import run  # noqa: PLC0415 other commands do without the server

    settings = _settings_or_exit()
    _prepare_or_exit(settings)
    run(settings, host=host or settings.host, port=settings.port if port is None else port)


@cli.command()
def migrate() -> None:
    """Bring the database's schema up to date, and stop."""
    settings = _settings_or_exit()
    _prepare_or_exit(settings)
    typer.echo(f"{settings.database_url} is up to date.")


def _settings_or_exit() -> Settings:
    try:
        return load_settings()
    except SettingsError as error:
        for line in error.lines:
            typer.echo(line, err=True)
        sys.exit(2)


def _prepare_or_exit(settings: Settings) -> None:
    from app.adapters.database.migrate import MigrationError  # noqa: PLC0415
    from app.bootstrap import prepare  # noqa: PLC0415

    try:
        prepare(settings)
    except MigrationError as error:
        _stop(f"altan-checkout cannot start: {error}")


def _stop(message: str) -> NoReturn:
    typer.echo(message, err=True)
    sys.exit(1)
