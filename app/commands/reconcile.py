"""`altan-checkout reconcile`: checks Stripe for missed events now."""

import json
import sys
import time
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated

import typer

from app.commands.events_database import be_silent, stop, with_database
from app.domain.printable import printable_lines
from app.settings.settings import Settings, SettingsError, load_settings
from app.usecases.reconcile import AGE_MAX_S, Check, Reconciled, read_since

if TYPE_CHECKING:
    from app.databases import AnyDatabase


def reconcile(
    *,
    since: Annotated[
        str, typer.Option(metavar="AGE", help="How far back: 30m, 12h or 7d; at most 30d.")
    ] = f"{AGE_MAX_S // 86_400}d",
    everything: Annotated[bool, typer.Option("--all", help="Also delivered events.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check Stripe for missed events and record them; exit 1 if anything could not be read."""
    try:
        since_s = read_since(since, int(time.time()))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--since") from error
    settings = _settings_with_key()
    check = Check(since_s=since_s, only_undelivered=not everything)
    result = with_database(lambda database: _check(settings, database, check), has_demo=False)
    counts = result.findings.counts
    if as_json:
        typer.echo(json.dumps(counts))
    else:
        typer.echo(
            "{seen} events and objects checked: {new} new, {changed} orders changed, "
            "{failed} could not be read.".format(**counts)
        )
    if counts["failed"]:
        typer.echo(printable_lines("\n".join(result.findings.reasons)), err=True)
        sys.exit(1)


def _settings_with_key() -> Settings:
    try:
        settings = load_settings()
    except SettingsError as error:
        stop("\n".join(error.lines), status=2)
    if settings.stripe_api_key is None:
        stop("STRIPE_API_KEY is not set: create a restricted, read-only key at Stripe.", status=2)
    return settings


async def _check(settings: Settings, database: "AnyDatabase", check: Check) -> Reconciled:
    from app.adapters.http_transport import AiohttpTransport  # noqa: PLC0415 most do without it
    from app.reconciling import make_reconcile, open_stripe  # noqa: PLC0415 as above

    async with AiohttpTransport() as transport:
        stripe = open_stripe(settings, transport, version=version("altan-checkout"))
        look_now = make_reconcile(settings, database, stripe, be_silent, lambda _: None)
        return await look_now(check)
