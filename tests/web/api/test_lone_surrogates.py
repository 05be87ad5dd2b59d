"""Signed JSON with halves of characters, or NUL: stored byte for byte, and folded."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.commands.cli import cli
from tests.commands.test_cli import GOOD
from tests.support.builders import (
    CHECKOUT_ID,
    SESSION_ID,
    Document,
    Service,
    event,
    query,
    running_service,
    session,
    settings,
    to_body,
)
from tests.support.stripe_objects import charge, refund

HALF = "\ud83d"  # what is left of an emoji that was cut
ODD = [HALF, f"{HALF}{HALF}", "\udc00\ud83d", f"a{HALF}\0", "\0"]


@pytest.fixture(params=["sqlite", "postgres"])
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def url_of(database_path: Path) -> str:
    if database_path.suffix == ".url":
        return database_path.read_text()
    return f"sqlite:///{database_path}"


@pytest.fixture
async def shop(database_path: Path) -> AsyncIterator[Service]:
    chosen = settings(database_path.parent, database_url=url_of(database_path))
    async with running_service(chosen) as service:
        yield Service(service.client, database_path)


def odd_session(odd: str) -> Document:
    url = f"https://shop.example/?name={odd}&checkout_id={CHECKOUT_ID}"
    return session(
        success_url=url,
        metadata={odd: odd},
        customer_details={"name": odd},
        customer=f"cus_{odd}",
        subscription=odd,
        invoice={"id": odd},
        recovered_from=odd,
    )


async def status_of(shop: Service) -> object:
    return (await shop.client.get(f"/checkout/{SESSION_ID}")).json()["status"]


def state_of(shop: Service, event_id: str) -> Document:
    sql = "SELECT state, reason, payload FROM events WHERE id = ?"
    (row,) = query(shop.database_path, sql, event_id)
    return row


@pytest.mark.parametrize("odd", ODD)
async def test_a_session_with_half_a_character_is_kept_byte_for_byte_and_folded(
    shop: Service, odd: str
) -> None:
    body = to_body(event(subject=odd_session(odd)))

    answer = await shop.deliver(body)

    assert (answer.status_code, answer.json()["outcome"]) == (200, "recorded")
    assert await status_of(shop) == "paid"
    row = state_of(shop, "evt_1")
    assert (row["state"], row["reason"], bytes(row["payload"])) == ("folded", None, body)


@pytest.mark.parametrize("odd", ODD)
async def test_an_event_with_half_a_character_waits_and_is_woken_from_its_bytes(
    shop: Service, odd: str
) -> None:
    back = refund(amount=1999, description=odd, charge=f"ch_{odd}", status="succeeded")
    await shop.deliver(event("refund.created", back, id="evt_refund"))
    await shop.deliver(event("charge.succeeded", charge(description=odd), id="evt_charge"))
    waits = [state_of(shop, event_id)["state"] for event_id in ("evt_refund", "evt_charge")]

    await shop.deliver(event())

    assert waits == ["waiting", "waiting"]
    assert await status_of(shop) == "refunded"
    assert state_of(shop, "evt_refund")["state"] == "folded"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"id": f"evt_{HALF}"}, "invalid_event"),
        ({"type": HALF}, "invalid_event"),
        ({"object": HALF}, "invalid_event"),
    ],
)
async def test_what_no_event_can_have_is_refused_with_half_a_character_too(
    shop: Service, changes: Document, code: str
) -> None:
    answer = await shop.deliver(event(**changes))

    assert (answer.status_code, answer.json()["code"]) == (400, code)


@pytest.mark.parametrize("changes", [{"account": HALF}, {"account": "acct_\0"}])
async def test_an_account_with_half_a_character_is_not_ours(
    shop: Service, changes: Document
) -> None:
    answer = await shop.deliver(event(**changes))

    assert (answer.status_code, answer.json()["reason"]) == (200, "other_account")


@pytest.mark.parametrize("body", [rb'{"id": "\ud83d"', b'{"id": NaN}'])
async def test_what_is_no_json_is_refused_though_it_is_signed(shop: Service, body: bytes) -> None:
    answer = await shop.deliver(body)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_json")


@pytest.mark.parametrize("odd", ODD)
async def test_an_operator_sees_replays_and_rebuilds_it(
    shop: Service, odd: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop.deliver(event(subject=odd_session(odd)))
    monkeypatch.chdir(shop.database_path.parent)
    for name, value in (GOOD | {"DATABASE_URL": url_of(shop.database_path)}).items():
        monkeypatch.setenv(name, value)

    async def events(*arguments: str) -> Document:
        ended = await asyncio.to_thread(CliRunner().invoke, cli, ["events", *arguments, "--json"])
        assert (ended.exit_code, ended.stderr) == (0, "")
        document = json.loads(ended.stdout)
        assert isinstance(document, dict)
        return document

    shown = await events("show", "evt_1", "--payload")
    replayed = await events("replay", "evt_1")
    rebuilt = await events("rebuild")

    name = shown["payload"]["data"]["object"]["customer_details"]["name"]
    assert name == odd
    assert shown["payments"][0]["status"] == "paid"
    assert replayed == {"folded": 1}
    assert (rebuilt["same"], rebuilt["different"]) == (1, 0)
    in_a_table = ["events", "show", "evt_1", "--payload"]
    assert (await asyncio.to_thread(CliRunner().invoke, cli, in_a_table)).exit_code == 0
