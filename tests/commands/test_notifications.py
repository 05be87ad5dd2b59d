"""`altan-checkout notifications …`: tables, JSON, and acts that the service hears of."""

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook
from typer.testing import CliRunner, Result

from app.adapters.database.sqlite.database import SqliteDatabase
from app.commands.cli import cli
from app.commands.demo_folder import keep
from app.domain.notifications.types import NotificationType
from app.settings.receivers import SANDBOX_NOTIFY_SECRET
from app.usecases.notification_tries import TryResult
from app.usecases.outbox import Delivery
from app.usecases.receiver_state import ReceiverState
from tests.support.outbox import POSTED, ended, lease, new_notification, notify
from tests.support.shop_with_events import Shop, make_shop
from tests.support.wire import answer, closed_port, upstream

SECRET = f"whsec_{base64.b64encode(b'k' * 32).decode()}"
TAKEN, FAILED, WAITING = (new_notification(number).id for number in (1, 2, 3))


@pytest.fixture
def shop(database_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    return make_shop(database_path, monkeypatch)


@pytest.fixture
def told_shop(shop: Shop) -> Shop:
    """One notification was taken, one has failed, one waits."""

    async def tell(database: Any) -> None:  # noqa: ANN401 both sides of it
        assert isinstance(database, SqliteDatabase)
        database.posting = POSTED
        await notify(database, new_notification(1), new_notification(2))
        first, second = await lease(database)
        await database.settle_tries(
            [ended(first), ended(second, TryResult.FAILED, status=None, due_at_ms=None)]
        )
        await notify(database, new_notification(3, type=NotificationType.REFUNDED))

    shop.does(tell)
    return shop


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["notifications", *arguments], env={"COLUMNS": "200"})


def as_json(*arguments: str, status: int = 0) -> Any:  # noqa: ANN401 any JSON
    ended_with = run(*arguments, "--json")
    assert (ended_with.exit_code, ended_with.stderr) == (status, "")
    return json.loads(ended_with.stdout)


def receiver_of(shop: Shop) -> ReceiverState:
    async def look(database: Any) -> ReceiverState:  # noqa: ANN401 as above
        assert isinstance(database, SqliteDatabase)
        return await database.receiver()

    found = shop.does(look)
    assert isinstance(found, ReceiverState)
    return found


@pytest.mark.usefixtures("told_shop")
def test_notifications_are_listed_in_lines_that_can_be_copied() -> None:
    at = "2025-10-09 08:53:20 UTC"

    assert CliRunner().invoke(cli, ["notifications", "list"], env={"COLUMNS": "20"}).stdout == (
        f"{at}  waiting    order.refunded\n  {WAITING}  chk_3\n  0 tries; the next at {at}\n\n"
        f"{at}  failed     order.paid\n  {FAILED}  chk_2\n  1 try\n\n"
        f"{at}  delivered  order.paid\n  {TAKEN}  chk_1\n  1 try\n"
    )


@pytest.mark.usefixtures("told_shop")
def test_notifications_are_listed_as_json() -> None:
    assert as_json("list", "--state", "waiting") == [
        {
            "id": WAITING,
            "type": "order.refunded",
            "order_id": "chk_3",
            "timestamp": "2025-10-09T08:53:20.000Z",
            "state": "waiting",
            "attempts": 0,
            "due_at": "2025-10-09T08:53:20.000Z",
        }
    ]


@pytest.mark.usefixtures("told_shop")
@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ([], [WAITING, FAILED, TAKEN]),
        (["--state", "failed"], [FAILED]),
        (["--state", "delivered"], [TAKEN]),
        (["--state", "taken"], [TAKEN]),
        (["--order", "chk_1"], [TAKEN]),
        (["--limit", "1"], [WAITING]),
        (["--state", "unposted"], []),
    ],
)
def test_those_that_are_asked_for_are_listed(arguments: list[str], found: list[str]) -> None:
    assert [each["id"] for each in as_json("list", *arguments)] == found


@pytest.mark.usefixtures("shop")
def test_a_state_that_there_is_not_is_refused() -> None:
    got = run("list", "--state", "lost")

    assert got.exit_code == 2
    assert "must be one of unposted, waiting, delivered, failed" in got.stderr


@pytest.mark.usefixtures("shop")
def test_none_are_said_to_be_none() -> None:
    assert run("list").stdout == "No such notification.\n"


@pytest.mark.usefixtures("told_shop")
def test_one_is_shown_with_its_tries() -> None:
    document = as_json("show", FAILED)
    table = run("show", FAILED).stdout

    assert document["tries"] == [
        {
            "at": "2025-10-09T08:53:20.000Z",
            "duration_ms": 5,
            "http_status": None,
            "problem": "did not answer in time",
            "result": "failed",
        }
    ]
    assert "did not answer in time" in table
    assert "gave up" in table
    assert "answered 200" in run("show", TAKEN).stdout


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("command", ["show", "resend"])
def test_an_unknown_one_is_said_to_be_unknown(command: str) -> None:
    got = run(command, "msg_unknown")

    assert got.exit_code == 1
    assert got.stderr.startswith("There is no notification msg_unknown;")


@pytest.mark.usefixtures("told_shop")
def test_one_is_sent_again() -> None:
    assert as_json("resend", FAILED) == {"resent": FAILED}

    (again,) = (each for each in as_json("list") if each["id"] == FAILED)
    assert (again["state"], again["attempts"]) == (Delivery.WAITING, 0)
    assert run("resend", TAKEN).stdout == f"{TAKEN} is sent again.\n"


def test_sending_is_paused_and_resumed(told_shop: Shop) -> None:
    assert as_json("pause") == {"paused": True}
    assert receiver_of(told_shop).is_paused

    assert "resume" in run("pause").stdout
    assert as_json("resume") == {"paused": False}
    assert not receiver_of(told_shop).is_paused
    assert "All waiting notifications" in run("resume").stdout


async def outcome_of_a_test(monkeypatch: pytest.MonkeyPatch, url: str, *arguments: str) -> Result:
    monkeypatch.setenv("NOTIFY_URL", url)
    monkeypatch.setenv("NOTIFY_SECRETS", SECRET)
    return await asyncio.to_thread(run, "test", *arguments)


@pytest.mark.usefixtures("shop")
async def test_a_test_message_is_signed_and_of_no_order(monkeypatch: pytest.MonkeyPatch) -> None:
    async with upstream(answer(b"ok")) as receiver:
        got = await outcome_of_a_test(monkeypatch, f"{receiver.url}/hunter2", "--json")

    (request,) = receiver.requests
    body = Webhook(SECRET).verify(request.body, request.headers)
    assert (body["type"], body["data"]) == ("test", {})
    assert got.exit_code == 0
    assert json.loads(got.stdout) == {"taken": True, "http_status": 200, "problem": None}


@pytest.mark.usefixtures("shop")
async def test_a_receiver_that_does_not_take_it_is_told_without_its_path(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    got = await outcome_of_a_test(monkeypatch, f"http://127.0.0.1:{closed_port()}/hunter2")

    assert got.exit_code == 1
    assert got.stdout == "The receiver at 127.0.0.1 refuses connections, or cannot be reached.\n"


@pytest.mark.usefixtures("shop")
def test_without_a_receiver_there_is_nothing_to_test() -> None:
    got = run("test")

    assert (got.exit_code, got.stderr.partition(",")[0]) == (2, "NOTIFY_URL is not set")


@pytest.mark.usefixtures("shop")
def test_wrong_settings_stop_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_URL", "http://hooks.test/")

    assert run("test").exit_code == 2


async def test_a_demos_receiver_is_tested_without_settings(tmp_path: Path) -> None:
    async with upstream(answer(b"ok")) as receiver:
        keep(tmp_path, notify_url=f"{receiver.url}/notifications")
        got = await asyncio.to_thread(run, "test", "--demo", str(tmp_path))

    (request,) = receiver.requests
    assert Webhook(SANDBOX_NOTIFY_SECRET).verify(request.body, request.headers)["type"] == "test"
    assert (got.exit_code, got.stdout) == (0, "The receiver at 127.0.0.1 answered 200.\n")


def test_where_no_demo_was_there_is_no_receiver_to_test(tmp_path: Path) -> None:
    got = run("test", "--demo", str(tmp_path))

    assert got.exit_code == 1
    assert got.stderr.startswith(f"There is no demo in {tmp_path}: start one with")


@pytest.mark.parametrize("command", ["list", "test", "pause"])
def test_who_has_no_settings_reads_how_to_use_the_demos_data(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str
) -> None:
    monkeypatch.chdir(tmp_path)

    got = run(command)

    assert got.exit_code == 2
    assert got.stderr.startswith("ALTAN_ACCOUNT_ID is missing: ")
    assert got.stderr.endswith("\nFor the demo's data, add --demo.\n")
