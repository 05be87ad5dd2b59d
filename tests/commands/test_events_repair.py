"""`altan-checkout events replay|rebuild`."""

from dataclasses import replace
from pathlib import Path

import pytest

from app.databases import AnyDatabase
from app.domain.fold.records import EventState
from app.domain.payments.facts import PaymentFacts
from tests.support.builders import SESSION_ID, query
from tests.support.recording import keep, kept_event, payment_of, prune
from tests.support.shop_with_events import CHARGED, HISTORY, PAID, Shop, make_busy, make_shop


@pytest.fixture
def shop(database_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    return make_shop(database_path, monkeypatch)


@pytest.fixture
def busy_shop(shop: Shop) -> Shop:
    return make_busy(shop)


# --- replay


def test_what_failed_is_replayed(shop: Shop) -> None:
    shop.does(lambda database: keep(database, kept_event(PAID, EventState.FAILED)))

    ended = shop.events("replay", "--failed")

    assert (ended.exit_code, ended.stdout) == (0, "Replayed: 1 processed.\n")
    assert shop.states == {"evt_paid": "folded"}


def test_named_events_are_replayed(shop: Shop) -> None:
    shop.does(
        lambda database: keep(
            database, *(kept_event(each, EventState.FAILED) for each in (PAID, CHARGED))
        )
    )

    assert shop.json("replay", "evt_charged") == {"waiting": 1}
    assert shop.states == {"evt_charged": "waiting", "evt_paid": "failed"}


def test_everything_is_replayed_and_nothing_is_changed(busy_shop: Shop) -> None:
    before = busy_shop.does(payment_of)

    ended = busy_shop.events("replay", "--all")

    assert ended.stdout == "Replayed: 1 waiting, 3 processed, 1 failed.\n"
    assert busy_shop.json("replay", "--all") == {"waiting": 1, "folded": 3, "failed": 1}
    assert busy_shop.does(payment_of) == before


def test_where_there_is_nothing_to_replay_that_is_said(shop: Shop) -> None:
    assert shop.events("replay", "--failed").stdout == "Replayed: nothing.\n"
    assert shop.json("replay", "--all") == {}


def test_what_cannot_be_replayed_is_named(busy_shop: Shop) -> None:
    query(busy_shop.database_path, "UPDATE events SET payload = NULL WHERE id = 'evt_charged'")

    ended = busy_shop.events("replay", "evt_nowhere", "evt_paid", "evt_charged", "evt_nowhere")

    assert ended.exit_code == 1
    assert ended.stdout == "Replayed: 1 processed, 2 not found.\n"
    assert ended.stderr == (
        "Not replayed: evt_nowhere is unknown; the payload of evt_charged was deleted.\n"
    )


@pytest.mark.parametrize("arguments", [[], ["--failed", "--all"], ["evt_1", "--all"]])
def test_what_to_replay_must_be_said_in_one_way(shop: Shop, arguments: list[str]) -> None:
    ended = shop.events("replay", *arguments)

    assert (ended.exit_code, ended.stdout) == (2, "")
    assert ended.stderr.startswith("Name the events to replay")


# --- rebuild


def tamper(shop: Shop) -> None:
    async def change(database: AnyDatabase) -> None:
        await keep(database, replace(await payment_of(database), facts=PaymentFacts()))

    shop.does(change)


def test_where_all_is_right_that_is_said(busy_shop: Shop) -> None:
    ended = busy_shop.events("rebuild")

    assert ended.exit_code == 0
    assert ended.stdout.startswith("1 payments match their events, 0 differ;")
    assert busy_shop.json("rebuild") == {"same": 1, "different": 0, "pruned": 0, "differences": []}


def test_a_difference_is_reported_and_ends_with_one(busy_shop: Shop) -> None:
    tamper(busy_shop)

    ended = busy_shop.events("rebuild")

    assert ended.exit_code == 1
    for words in (SESSION_ID, "open", "disputed", "1 differ;"):
        assert words in ended.stdout
    assert busy_shop.json("rebuild", status=1) == {
        "same": 0,
        "different": 1,
        "pruned": 0,
        "differences": [
            {
                "session_id": SESSION_ID,
                "kept": "open",
                "rebuilt": "disputed",
                "missing_links": 0,
                "pruned_events": 0,
            }
        ],
    }


def test_a_payment_that_is_gone_is_reported_as_none(busy_shop: Shop) -> None:
    query(busy_shop.database_path, "DELETE FROM payment_links")
    query(busy_shop.database_path, "DELETE FROM payments")

    (difference,) = busy_shop.json("rebuild", status=1)["differences"]

    assert (difference["kept"], difference["missing_links"]) == (None, 2)


def test_a_difference_is_mended_where_that_is_asked_for(busy_shop: Shop) -> None:
    before = busy_shop.does(payment_of)
    tamper(busy_shop)

    mended = busy_shop.json("rebuild", "--repair")

    assert mended["different"] == 1
    assert busy_shop.does(payment_of).facts == before.facts
    assert busy_shop.json("rebuild")["different"] == 0


def test_what_can_no_longer_be_rebuilt_whole_is_said(busy_shop: Shop) -> None:
    busy_shop.does(lambda database: prune(database, len(HISTORY)))

    ended = busy_shop.events("rebuild")

    assert ended.exit_code == 0
    assert "1 cannot be fully rebuilt" in ended.stdout
    assert "EVENT_RETENTION_DAYS" in ended.stdout
    assert busy_shop.json("rebuild")["pruned"] == 1
