"""Opens the database for commands that look at it: the shop's, or a demo's."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NoReturn, TypeVar

import typer
from typer.core import TyperCommand

from app.adapters.database.migrate import MigrationError, require_current
from app.domain.errors import CheckoutError
from app.domain.printable import printable_lines
from app.settings.settings import SettingsError, load_settings
from app.usecases.ports import AlertName

if TYPE_CHECKING:
    from app.databases import AnyDatabase

T = TypeVar("T")

DEMO_FOLDER: Final = "data"  # the default of `altan-checkout demo --folder`

Demo = Annotated[
    Path | None,
    typer.Option(
        metavar="[FOLDER]", help="Use the demo's database, in ./data or FOLDER; needs no settings."
    ),
]


class EventsCommand(TyperCommand):
    """A command whose option `--demo` has an optional value, which typer does not support."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]  # typer.Context is click's
        """Insert the default folder unless a folder follows `--demo`."""
        for at, argument in enumerate(args):
            if argument == "--demo" and not _is_folder(args[at + 1 :]):
                args = [*args[: at + 1], DEMO_FOLDER, *args[at + 1 :]]
                break
        return super().parse_args(ctx, args)


def _is_folder(following: list[str]) -> bool:
    return bool(following) and not following[0].startswith(("-", "chk_", "cs_", "evt_", "msg_"))


def with_database(
    work: Callable[["AnyDatabase"], Awaitable[T]],
    demo: Path | None = None,
    *,
    has_demo: bool = True,
) -> T:
    """Open a database and run `work` on it; on an error, print one line and exit.

    `has_demo`: the command has an option for the demo's database.
    """

    async def run() -> T:
        database = _open_demos_database(demo) if demo else _open_shops_database()
        try:
            return await work(database)
        finally:
            await database.close()

    try:
        return asyncio.run(run())
    except SettingsError as error:
        stop(with_hint(error) if has_demo else "\n".join(error.lines), status=2)
    except MigrationError as error:
        stop(f"The database cannot be used: {error}")
    except CheckoutError as error:
        stop(with_cause(error))


def _open_shops_database() -> "AnyDatabase":
    from app.databases import (  # noqa: PLC0415 most commands do without its weight
        open_database,
        require_database,
    )

    settings = load_settings()
    require_database(settings)
    return open_database(settings, be_silent)


def _open_demos_database(folder: Path) -> "AnyDatabase":
    from app.adapters.database.sqlite.database import SqliteDatabase  # noqa: PLC0415 as above
    from app.commands.demo import DATABASE_NAME  # noqa: PLC0415

    path = folder / DATABASE_NAME
    if not path.exists():
        stop_without_demo(folder)
    require_current(path, advice=f"start altan-checkout demo --folder {folder} once")
    return SqliteDatabase(path, be_silent)


def stop_without_demo(folder: Path) -> NoReturn:
    """Say that there is no demo in this folder, and exit."""
    stop(f"There is no demo in {folder}: start one with altan-checkout demo --folder {folder}")


def with_hint(error: SettingsError) -> str:
    """Return what is wrong with the settings, for a command that has `--demo`."""
    is_missing = any(" is missing: " in line for line in error.lines)
    return "\n".join([*error.lines, *(["For the demo's data, add --demo."] if is_missing else [])])


def with_cause(error: CheckoutError) -> str:
    """Return the error's message, with the driver's in parentheses."""
    cause = f" ({error.__cause__})" if error.__cause__ else ""
    return f"{error.detail}{cause}"


def be_silent(name: AlertName, message: str, *, subject: str = "") -> None:
    """Ignore an alert: the command prints its own errors."""


def stop(message: str, *, status: int = 1) -> NoReturn:
    """Print this message and exit."""
    typer.echo(printable_lines(message), err=True)
    sys.exit(status)
