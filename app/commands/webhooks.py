"""`altan-checkout webhooks …`: registers the webhook endpoint at Stripe, and checks it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import typer
from pydantic import SecretStr

from app.commands.events_database import stop
from app.domain.checkout.urls import read_web_url
from app.domain.printable import printable_lines
from app.domain.stripe_events.endpoint import PATH, WebhookEndpoint
from app.settings.settings import SettingsError
from app.settings.setup import SetupSettings, load_setup
from app.usecases.stripe_reads import StripeKeyRefusedError, StripeReadError

if TYPE_CHECKING:
    from app.adapters.stripe_api.endpoints import CreatedEndpoint, StripeEndpoints

webhooks = typer.Typer(help="Register the webhook endpoint at Stripe.", no_args_is_help=True)

T = TypeVar("T")
_EXAMPLE: Final = f"https://checkout.shop.example{PATH}"
_CREATE_KEY: Final = (
    "STRIPE_SETUP_KEY is not set in the environment: create a restricted key (rk_…) with the "
    "permission to write Webhook Endpoints, use it for this command, and delete it afterwards"
)

Url = Annotated[str, typer.Option(metavar="URL", help=f"The endpoint's address: {_EXAMPLE}")]
Connect = Annotated[
    bool,
    typer.Option(
        "--connect", help="The platform's endpoint, for events of the accounts connected to it."
    ),
]


@webhooks.command()
def create(*, url: Url, connect: Connect = False) -> None:
    """Create the endpoint with all event types, and print its signing secret, once."""
    _check_address(url)
    settings = _settings()
    if settings.setup_key is None:
        stop(_CREATE_KEY, status=2)

    async def act(endpoints: "StripeEndpoints") -> "CreatedEndpoint":
        for endpoint in await endpoints.listed():
            if endpoint.is_at(url):
                stop(
                    f"{endpoint.id} has this address already. Its signing secret is in Stripe's "
                    f"dashboard; `altan-checkout webhooks check --url {url}` compares the rest."
                )
        return await endpoints.create(url, of_connected_accounts=connect)

    created = _ask(settings, settings.setup_key, act, connect=connect, right="write")
    typer.echo(printable_lines(f"{created.id} is created. Its signing secret, shown only now:\n"))
    typer.echo(printable_lines(f"STRIPE_WEBHOOK_SECRETS={created.secret}\n"))
    typer.echo(
        "Set it where the service has its settings, and restart it. If other endpoints stay in "
        "use, list their secrets too, separated by commas."
    )


@webhooks.command()
def check(
    *,
    url: Annotated[
        str | None,
        typer.Option(metavar="URL", help=f"Only the endpoint there; default: all at …{PATH}."),
    ] = None,
    connect: Connect = False,
) -> None:
    """Compare the endpoint with what the service needs; exit 1 if events are missed."""
    settings = _settings()
    key = settings.setup_key or settings.read_key
    if key is None:
        message = (
            "Neither STRIPE_API_KEY nor STRIPE_SETUP_KEY is set: one must be a restricted key."
        )
        stop(message, status=2)

    async def act(endpoints: "StripeEndpoints") -> Sequence[WebhookEndpoint]:
        return await endpoints.listed()

    listed = _ask(settings, key, act, connect=connect, right="read")
    wanted = [each for each in listed if (each.is_at(url) if url else each.is_ours)]
    if not wanted:
        others = ", ".join(each.url for each in listed) or "none"
        stop(f"Stripe has no endpoint at {url or f'an address that ends with {PATH}'}: {others}.")
    for endpoint in wanted:
        typer.echo(printable_lines("\n".join(_lines(endpoint))))
    if any(each.faults() for each in wanted):
        raise typer.Exit(1)


def _lines(endpoint: WebhookEndpoint) -> list[str]:
    """Describe one endpoint, the faults first."""
    faults = endpoint.faults() or ["is enabled, and is sent every event that the service needs"]
    return [
        f"{endpoint.id} at {endpoint.url}",
        *(f"  {each}" for each in faults + endpoint.hints()),
    ]


def _check_address(url: str) -> None:
    try:
        address = read_web_url(url)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--url") from error
    if address.scheme != "https" and not address.is_loopback:
        raise typer.BadParameter("must be https", param_hint="--url")
    if not address.rest.rstrip("/").endswith(PATH):
        raise typer.BadParameter(f"must end with {PATH}: {_EXAMPLE}", param_hint="--url")


def _settings() -> SetupSettings:
    try:
        return load_setup()
    except SettingsError as error:
        stop("\n".join(error.lines), status=2)


def _ask(
    settings: SetupSettings,
    key: SecretStr,
    act: Callable[["StripeEndpoints"], Awaitable[T]],
    *,
    connect: bool,
    right: str,
) -> T:
    """Run `act` with Stripe's endpoints; on a failure, say which right is missing, and exit."""
    try:
        return asyncio.run(_asked(settings, key, act, connect=connect))
    except StripeKeyRefusedError as error:
        stop(f"{error}. The key needs the permission to {right} Webhook Endpoints.")
    except StripeReadError as error:
        hint = (
            ""
            if right == "read"
            else " If an endpoint was created all the same, `check` shows it: delete it."
        )
        stop(f"{error}.{hint}")


async def _asked(
    settings: SetupSettings,
    key: SecretStr,
    act: Callable[["StripeEndpoints"], Awaitable[T]],
    *,
    connect: bool,
) -> T:
    from app.adapters.http_transport import AiohttpTransport  # noqa: PLC0415 help does without it
    from app.adapters.stripe_api.client import StripeAccess, StripeClient  # noqa: PLC0415 as above
    from app.adapters.stripe_api.endpoints import StripeEndpoints  # noqa: PLC0415 as above

    account = None if connect else settings.account  # a Connect endpoint is the platform's own
    access = StripeAccess(url=settings.url, key=key.get_secret_value(), account=account)
    async with AiohttpTransport() as transport:
        client = StripeClient(access, transport=transport, version=version("altan-checkout"))
        return await act(StripeEndpoints(client))
