"""`altan-checkout demo`: its options."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer
from pydantic import SecretStr

from app.commands.events_database import stop

PORT_MAX: Final = 65535
_RECEIVER: Final = "http://localhost:3000/notifications"


def demo(
    port: Annotated[int, typer.Option(min=1, max=PORT_MAX, help="The service's port.")] = 8000,
    sandbox_port: Annotated[int, typer.Option(min=1, max=PORT_MAX, help="The shop's port.")] = 9000,
    folder: Annotated[Path, typer.Option(help="The folder of the database.")] = Path("data"),
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ORIGIN",
            help="Origin of another page that may buy, like https://my-shop.example; repeatable. "
            "Pages on this machine are always allowed.",
        ),
    ] = None,
    notify_url: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Your own server's address for notifications, as docs/fulfil.md describes; "
            "default: the sandbox.",
        ),
    ] = None,
) -> None:
    """Try everything in a minute: the service, a sandbox and a small shop. No account needed."""
    from app.commands.demo import Demo, run_demo  # noqa: PLC0415 only when it runs
    from app.commands.demo_folder import DemoError  # noqa: PLC0415
    from app.settings.origins import read_origin  # noqa: PLC0415
    from app.settings.receivers import read_posted_url  # noqa: PLC0415

    with _refusing("--allow-origin"):
        origins = tuple(read_origin(origin) for origin in allow_origin or ())
    with _refusing("--notify-url"):
        read_posted_url(SecretStr(notify_url or _RECEIVER), example=_RECEIVER)
    if port == sandbox_port:
        stop(f"--sandbox-port must be another port than --port, which is {port}.", status=2)
    demo = Demo(
        port=port,
        sandbox_port=sandbox_port,
        folder=folder,
        allowed_origins=origins,
        notify_url=notify_url,
    )
    try:
        run_demo(demo)
    except DemoError as error:
        stop(f"The demo cannot run: {error}.")


@contextmanager
def _refusing(option: str) -> Iterator[None]:
    """Report a ValueError inside as a wrong value of this option."""
    try:
        yield
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from error
