"""`altan-checkout events list|show`: tables, JSON, and personal data only on request."""

import json
import sqlite3
import unicodedata
from contextlib import closing
from pathlib import Path

import pytest

from tests.commands.test_cli import GOOD
from tests.support.builders import CHECKOUT_ID, SECRET, SESSION_ID, event
from tests.support.recording import NOW_MS, prune, record
from tests.support.shop_with_events import HISTORY, Shop, make_busy, make_shop


@pytest.fixture
def shop(database_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    return make_shop(database_path, monkeypatch)


@pytest.fixture
def busy_shop(shop: Shop) -> Shop:
    return make_busy(shop)


# --- list


def test_events_are_listed_in_a_table(busy_shop: Shop) -> None:
    ended = busy_shop.events("list")

    assert (ended.exit_code, ended.stderr) == (0, "")
    for words in ("evt_paid", "checkout.session.completed", "processed", "waiting", "failed"):
        assert words in ended.stdout
    assert "data.object.id is missing" in ended.stdout
    assert "2025-10-09 08:53:20" in ended.stdout


def test_no_events_are_said_to_be_none(shop: Shop) -> None:
    assert shop.events("list").stdout == "No such event.\n"
    assert shop.json("list") == []


def test_a_state_is_named_as_it_is_shown_or_stored(busy_shop: Shop) -> None:
    processed = busy_shop.json("list", "--state", "processed")

    assert {event["state"] for event in processed} == {"folded"}
    assert busy_shop.json("list", "--state", "folded") == processed
    shown = busy_shop.events("show", processed[0]["id"]).stdout
    assert "state     processed" in shown
    assert "received  2025-10-09 08:53:20 UTC" in shown
    assert "received (UTC)" in busy_shop.events("list").stdout
    assert busy_shop.events("list", "--state", "lost").exit_code == 2


def test_events_are_listed_as_json(busy_shop: Shop) -> None:
    (failed,) = busy_shop.json("list", "--state", "failed")

    assert failed | {"reason": None} == {
        "id": "evt_odd",
        "type": "charge.succeeded",
        "created": "2025-10-09T08:53:20.000Z",
        "created_s": NOW_MS // 1000,
        "received_at": "2025-10-09T08:53:20.000Z",
        "received_at_ms": NOW_MS,
        "state": "failed",
        "reason": None,
        "has_payload": True,
        "source": "webhook",
    }
    assert failed["reason"].startswith("CannotFoldError: ")


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ([], {"evt_paid", "evt_charged", "evt_disputed", "evt_waiting", "evt_odd"}),
        (["--state", "waiting"], {"evt_waiting"}),
        (["--type", "charge.dispute.created"], {"evt_disputed"}),
        (["--payment", SESSION_ID], {"evt_paid", "evt_charged", "evt_disputed"}),
        (["--payment", CHECKOUT_ID, "--type", "charge.succeeded"], {"evt_charged"}),
        (["--limit", "1"], {"evt_waiting"}),
        (["--state", "unread"], set()),
    ],
)
def test_those_that_are_asked_for_are_listed(
    busy_shop: Shop, arguments: list[str], found: set[str]
) -> None:
    assert {each["id"] for each in busy_shop.json("list", *arguments)} == found


@pytest.mark.parametrize("arguments", [["--state", "odd"], ["--limit", "0"], ["--limit", "99999"]])
def test_what_cannot_be_asked_for_is_refused(busy_shop: Shop, arguments: list[str]) -> None:
    assert busy_shop.events("list", *arguments).exit_code == 2


def test_a_checkout_that_is_unknown_is_said_to_be_so(shop: Shop) -> None:
    ended = shop.events("list", "--payment", CHECKOUT_ID)

    assert (ended.exit_code, ended.stdout) == (1, "")
    assert ended.stderr == "There is no checkout with that id.\n"


@pytest.mark.parametrize("form", [[], ["--json"]])
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--payment", "order-42"], "No event of order-42: --payment takes a checkout id (chk_…)"),
        (["--payment", "cs_test_of_nobody"], "No event of cs_test_of_nobody"),
        (["--payment", SESSION_ID, "--state", "unread"], f"No event of {SESSION_ID}"),
        (["--type", "no.such.type"], "No event of the type no.such.type."),
    ],
)
def test_a_payment_or_type_that_has_no_event_ends_with_one(
    busy_shop: Shop, arguments: list[str], words: str, form: list[str]
) -> None:
    ended = busy_shop.events("list", *arguments, *form)

    assert ended.exit_code == 1
    assert ended.stderr.startswith(words)
    assert len(ended.stderr.splitlines()) == 1
    assert ended.stdout == ("[]\n" if form else "No such event.\n")


HIDDEN = "evil\x1b[2J\x9b31m\u202egnp\u2066\u2069\u200b\ufeff\U000e0041\n\r\x07end"


@pytest.mark.parametrize("form", [[], ["--json"]])
@pytest.mark.parametrize(
    ("command", "count"),
    [(["list"], 1), (["show", "evt_hidden"], 1), (["show", "evt_hidden", "--payload"], 2)],
)
def test_nothing_that_strangers_wrote_commands_the_terminal(
    shop: Shop, command: list[str], form: list[str], count: int
) -> None:
    hidden = event("product.updated", {"id": "x_1", "description": HIDDEN}, id="evt_hidden")
    shop.does(lambda database: record(database, hidden))
    with closing(sqlite3.connect(shop.database_path, isolation_level=None)) as connection:
        connection.execute("UPDATE events SET state = 'failed', reason = ?", (HIDDEN,))

    ended = shop.events(*command, *form)

    assert ended.exit_code == 0
    assert [c for c in ended.stdout if unicodedata.category(c) in {"Cc", "Cf"} and c != "\n"] == []
    assert ended.stdout.count("\\u009b31m\\u202e") == count
    if form:
        document = json.loads(ended.stdout)
        assert (document[0] if command == ["list"] else document)["reason"] == HIDDEN


# --- a demo's


@pytest.mark.parametrize("form", [["--demo"], ["--demo", "."], ["--demo=."]])
@pytest.mark.parametrize(
    "command",
    [["list"], ["show", "evt_paid"], ["replay", "evt_paid"], ["replay", "--all"], ["rebuild"]],
)
def test_every_command_looks_at_the_demo_without_settings(
    busy_shop: Shop, monkeypatch: pytest.MonkeyPatch, command: list[str], form: list[str]
) -> None:
    for name in GOOD:
        monkeypatch.delenv(name)
    folder = busy_shop.database_path.parent / "data" if form == ["--demo"] else Path()
    folder.mkdir(exist_ok=True)
    busy_shop.database_path.rename(folder / "demo.db")

    first, last = (
        busy_shop.events(*each) for each in ([*command, *form], [command[0], *form, *command[1:]])
    )

    assert (first.exit_code, first.stderr) == (0, "")
    assert (last.exit_code, last.stderr) == (0, "")


@pytest.mark.parametrize("command", [["list"], ["show", "evt_1"], ["replay", "--all"], ["rebuild"]])
def test_a_demo_that_is_not_there_is_said_not_to_be(shop: Shop, command: list[str]) -> None:
    ended = shop.events(*command, "--demo", "nowhere")

    assert (ended.exit_code, ended.stdout) == (1, "")
    assert "There is no demo in nowhere: start one" in ended.stderr


def test_an_odd_type_does_not_spoil_the_table(shop: Shop) -> None:
    odd = event("[bold]/[/red]\\", {"id": "x_1"}, id="evt_brackets")
    shop.does(lambda database: record(database, odd))

    ended = shop.events("list")

    assert ended.exit_code == 0
    assert "[bold]/[/red]\\" in ended.stdout


def test_an_event_without_payload_is_said_to_be_so(busy_shop: Shop) -> None:
    busy_shop.does(lambda database: prune(database, len(HISTORY)))

    ended = busy_shop.events("list", "--payment", SESSION_ID)

    assert ended.stdout.count("payload was deleted") == 3
    assert busy_shop.json("list") == []


# --- show


def test_an_event_is_shown_with_its_payment(busy_shop: Shop) -> None:
    shown = busy_shop.json("show", "evt_disputed")
    facts = shown["payments"][0].pop("facts")

    assert shown == {
        "id": "evt_disputed",
        "type": "charge.dispute.created",
        "state": "folded",
        "reason": None,
        "created": "2025-10-09T08:53:20.000Z",
        "received": "2025-10-09T08:53:20.000Z",
        "source": "webhook",
        "livemode": False,
        "mentions": ["ch_1"],
        "payments": [
            {
                "session_id": SESSION_ID,
                "checkout_id": CHECKOUT_ID,
                "status": "disputed",
                "amount_refunded": 0,
                "renewals_paid": 0,
                "contradicted": False,
                "price_mismatch": False,
            }
        ],
    }
    assert facts["disputes"]["dp_1"]["state"] == "open"


def test_an_event_is_shown_to_people_too(busy_shop: Shop) -> None:
    ended = busy_shop.events("show", "evt_disputed")

    assert (ended.exit_code, ended.stderr) == (0, "")
    for words in ("charge.dispute.created", '"status": "disputed"', "ch_1", SESSION_ID):
        assert words in ended.stdout


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_the_payload_is_shown_where_it_is_asked_for(busy_shop: Shop, form: list[str]) -> None:
    ended = busy_shop.events("show", "evt_paid", "--payload", *form)

    assert "buyer@example.com" in ended.stdout


def test_a_payload_that_is_gone_is_null(busy_shop: Shop) -> None:
    busy_shop.does(lambda database: prune(database, len(HISTORY)))

    assert busy_shop.json("show", "evt_paid", "--payload")["payload"] is None
    assert busy_shop.events("show", "evt_paid", "--payload").exit_code == 0


def test_an_event_that_is_not_there_is_said_not_to_be(busy_shop: Shop) -> None:
    ended = busy_shop.events("show", "evt_nowhere")

    assert (ended.exit_code, ended.stdout) == (1, "")
    assert ended.stderr == "There is no event evt_nowhere.\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["list"],
        ["list", "--payment", SESSION_ID],
        *(["show", str(document["id"])] for document in HISTORY),
        ["replay", "--all"],
        ["rebuild"],
    ],
)
@pytest.mark.parametrize("form", [[], ["--json"]])
def test_nothing_personal_is_shown_unasked(
    busy_shop: Shop, arguments: list[str], form: list[str]
) -> None:
    ended = busy_shop.events(*arguments, *form)

    assert ended.exit_code == 0
    assert "uyer" not in ended.output
    assert SECRET not in ended.output
