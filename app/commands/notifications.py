"""`altan-checkout notifications …`: lists, resends and pauses the shop's notifications.

They show no orders and so no personal data; see `GET /orders/{id}`.
"""

import asyncio
import secrets
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn, TypeAlias

import typer
from rich.console import Console
from rich.table import Table

from app.adapters.system import SystemClock
from app.commands.demo_folder import notify_url_of
from app.commands.events import AsJson, cell, print_json, time_of
from app.commands.events_database import (
    Demo,
    EventsCommand,
    stop,
    stop_without_demo,
    with_database,
    with_hint,
)
from app.commands.state_words import (
    DELIVERY_CHOICES,
    DELIVERY_WORDS,
    RESULT_WORDS,
    read_delivery,
)
from app.domain.checkout.urls import read_web_url
from app.domain.moments import rfc3339
from app.domain.notifications.tries import Answer, Verdict, verdict_of
from app.settings.receivers import SANDBOX_NOTIFY_SECRET
from app.settings.settings import SettingsError, load_settings
from app.usecases.notification_tries import Try
from app.usecases.outbox import Delivery, Notification, NotificationQuery
from app.usecases.receiver_state import PauseReason

if TYPE_CHECKING:
    from app.adapters.receiver import Receiver

Opening: TypeAlias = Callable[..., "Receiver"]

notifications = typer.Typer(
    help="List your receiver's notifications; resend, pause, resume, test.", no_args_is_help=True
)

NotificationId = Annotated[str, typer.Argument(metavar="ID", help="msg_…")]
_COLORS: Final = {
    Delivery.TAKEN: "green",
    Delivery.WAITING: "yellow",
    Delivery.FAILED: "bold red",
    Delivery.UNPOSTED: "dim",
}


@notifications.command("list", cls=EventsCommand)
def list_(
    *,
    state: Annotated[
        Delivery | None,
        typer.Option(
            parser=read_delivery,
            metavar=f"[{DELIVERY_CHOICES}]",
            help="Only those in this state; unposted: only in the feed.",
        ),
    ] = None,
    order: Annotated[
        str | None, typer.Option(help="Only those of this order, by checkout or session id.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="The maximum number.")] = 50,
    demo: Demo = None,
    as_json: AsJson = False,
) -> None:
    """List notifications, the latest first."""
    wanted = NotificationQuery(delivery=state, order_id=order, limit=limit)
    found = with_database(lambda database: database.list_notifications(wanted), demo)
    if as_json:
        print_json([_summary(each) for each in found])
    elif not found:
        typer.echo("No such notification.")
    else:
        _print_list(found)


def _print_list(found: Sequence[Notification]) -> None:
    blocks = ["\n".join(_lines(each)) for each in found]
    # Don't wrap lines, so that ids can be copied.
    Console(highlight=False).print("\n\n".join(blocks), soft_wrap=True)


def _lines(each: Notification) -> Iterator[str]:
    """Yield the lines about one notification, like those about an order."""
    state = f"[{_COLORS[each.delivery]}]{DELIVERY_WORDS[each.delivery]:<9}[/]"
    yield f"{time_of(each.at_ms)} UTC  {state}  {cell(each.type)}"
    yield f"  {cell(each.id)}  {cell(each.order_id)}"
    tries = "1 try" if each.attempts == 1 else f"{each.attempts} tries"
    if each.due_at_ms is not None:
        yield f"  {tries}; the next at {time_of(each.due_at_ms)} UTC"
    elif each.attempts:
        yield f"  {tries}"


@notifications.command(cls=EventsCommand)
def show(notification_id: NotificationId, *, demo: Demo = None, as_json: AsJson = False) -> None:
    """Show one notification and its attempts."""
    known = with_database(lambda database: database.find_notification(notification_id), demo)
    if known is None:
        _stop_unknown(notification_id)
    notification, tries = known
    if as_json:
        print_json(_summary(notification) | {"tries": [_try(each) for each in tries]})
        return
    _print_list([notification])
    table = Table("tried (UTC)", "milliseconds", "answer", "result")
    for each in tries:
        answer = each.problem or f"answered {each.http_status}"
        table.add_row(
            time_of(each.at_ms), str(each.duration_ms), cell(answer), RESULT_WORDS[each.result]
        )
    Console().print(table)


@notifications.command(cls=EventsCommand)
def resend(notification_id: NotificationId, *, demo: Demo = None, as_json: AsJson = False) -> None:
    """Send one again, with all its attempts; its id stays the same, so receivers recognize it."""
    now_ms = SystemClock().now_ms()
    is_known = with_database(
        lambda database: database.resend_notification(notification_id, at_ms=now_ms), demo
    )
    if not is_known:
        _stop_unknown(notification_id)
    _print({"resent": notification_id}, f"{notification_id} is sent again.", as_json=as_json)


@notifications.command(cls=EventsCommand)
def pause(*, demo: Demo = None, as_json: AsJson = False) -> None:
    """Send nothing until `resume`; new notifications wait."""
    now_ms = SystemClock().now_ms()
    with_database(
        lambda database: database.pause_notifications(PauseReason.OPERATOR, at_ms=now_ms), demo
    )
    _print({"paused": True}, "Nothing is sent until you resume.", as_json=as_json)


@notifications.command(cls=EventsCommand)
def resume(*, demo: Demo = None, as_json: AsJson = False) -> None:
    """Send all waiting notifications, also after the receiver answered 410."""
    now_ms = SystemClock().now_ms()
    with_database(lambda database: database.resume_notifications(at_ms=now_ms), demo)
    _print({"paused": False}, "All waiting notifications are sent within seconds.", as_json=as_json)


@notifications.command("test", cls=EventsCommand)
def try_out(*, demo: Demo = None, as_json: AsJson = False) -> None:
    """Post one message of type `test` to NOTIFY_URL, and print the answer; exit 1 if refused."""
    host, post = _demos_receiver(demo) if demo else _shops_receiver()
    answer = asyncio.run(_post_test(post))
    is_taken = verdict_of(answer) is Verdict.TAKEN
    document = {"taken": is_taken, "http_status": answer.status, "problem": answer.problem}
    _print(document, f"The receiver at {host} {answer.message}.", as_json=as_json)
    sys.exit(0 if is_taken else 1)


def _shops_receiver() -> tuple[str | None, Opening]:
    from app.notifying import open_receiver  # noqa: PLC0415 slow to import

    try:
        settings = load_settings()
    except SettingsError as error:
        stop(with_hint(error), status=2)
    if settings.notify_url is None:
        stop("NOTIFY_URL is not set, so there is no receiver to test.", status=2)
    return settings.notify_host, partial(open_receiver, settings)


def _demos_receiver(folder: Path) -> tuple[str | None, Opening]:
    from app.notifying import receiver_at  # noqa: PLC0415 slow to import

    url = notify_url_of(folder)
    if url is None:
        stop_without_demo(folder)
    return read_web_url(url).host, partial(receiver_at, url, secrets=[SANDBOX_NOTIFY_SECRET])


async def _post_test(open_receiver: Opening) -> Answer:
    from app.adapters.http_transport import AiohttpTransport  # noqa: PLC0415 slow to import
    from app.adapters.posts import CheckedResolver  # noqa: PLC0415 as above

    transport = AiohttpTransport(resolver=CheckedResolver())
    receiver = open_receiver(transport, version=version("altan-checkout"))
    document = {"type": "test", "timestamp": rfc3339(SystemClock().now_ms()), "data": {}}
    try:
        return await receiver.post(f"msg_test_{secrets.token_hex(8)}", document)
    finally:
        await transport.aclose()


def _print(document: dict[str, Any], message: str, *, as_json: bool) -> None:
    if as_json:
        print_json(document)
    else:
        typer.echo(message)


def _stop_unknown(notification_id: str) -> NoReturn:
    stop(f"There is no notification {notification_id}; altan-checkout notifications list has them.")


def _summary(notification: Notification) -> dict[str, Any]:
    due_at_ms = notification.due_at_ms
    return {
        "id": notification.id,
        "type": notification.type,
        "order_id": notification.order_id,
        "timestamp": rfc3339(notification.at_ms),
        "state": notification.delivery,
        "attempts": notification.attempts,
        "due_at": None if due_at_ms is None else rfc3339(due_at_ms),
    }


def _try(tried: Try) -> dict[str, Any]:
    return {
        "at": rfc3339(tried.at_ms),
        "duration_ms": tried.duration_ms,
        "http_status": tried.http_status,
        "problem": tried.problem,
        "result": tried.result,
    }
