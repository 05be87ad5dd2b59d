"""`altan-checkout reconcile`, as an operator runs it: beside a running service, too."""

import json
from pathlib import Path

import pytest

from tests.support.builders import SESSION_ID, event, running_service, settings
from tests.support.commands import Ended, altan_checkout
from tests.support.stripe_api_calls import KEY, says_json
from tests.support.wire import Script, answer, upstream

NOTHING = says_json({"object": "list", "data": [], "has_more": False})
FOUND = says_json({"object": "list", "data": [event()], "has_more": False})


async def reconcile(folder: Path, *arguments: str, answers: list[Script | bytes]) -> Ended:
    async with upstream(*answers) as server:
        keyed = {"STRIPE_API_KEY": KEY, "STRIPE_API_URL": server.url}
        return await altan_checkout(folder, "reconcile", *arguments, **keyed)


async def test_it_records_what_was_missed_beside_a_running_service(tmp_path: Path) -> None:
    async with running_service(settings(tmp_path)) as service:
        ended = await reconcile(tmp_path, "--json", answers=[FOUND, NOTHING])
        payment = await service.client.get(f"/checkout/{SESSION_ID}")

    assert (ended.status, ended.errors) == (0, "")
    assert json.loads(ended.output) == {"seen": 1, "new": 1, "changed": 1, "failed": 0}
    assert payment.json()["status"] == "paid"


@pytest.mark.usefixtures("database_path")
async def test_people_get_a_sentence(tmp_path: Path) -> None:
    ended = await reconcile(tmp_path, "--since", "7d", "--all", answers=[FOUND, NOTHING])

    assert ended.status == 0
    assert ended.output == (
        "1 events and objects checked: 1 new, 1 orders changed, 0 could not be read.\n"
    )


@pytest.mark.usefixtures("database_path")
async def test_a_failure_is_reported_and_exits_with_1(tmp_path: Path) -> None:
    refused = says_json(
        {"error": {"message": "Having the 'rak_event_read' permission would allow"}},
        status="403 Forbidden",
    )

    ended = await reconcile(tmp_path, "--json", answers=[refused])

    assert ended.status == 1
    assert json.loads(ended.output)["failed"] == 1
    assert ended.errors == "the key lacks the permission rak_event_read\n"
    assert KEY not in ended.output + ended.errors


@pytest.mark.parametrize("since", ["31d", "0d", "soon"])
async def test_a_wrong_age_is_refused(tmp_path: Path, since: str) -> None:
    ended = await reconcile(tmp_path, "--since", since, answers=[answer(b"")])

    assert ended.status == 2
    assert "--since" in ended.errors


async def test_without_a_key_it_says_what_to_do(tmp_path: Path) -> None:
    ended = await altan_checkout(tmp_path, "reconcile")

    assert ended.status == 2
    assert ended.errors.startswith("STRIPE_API_KEY is not set: ")
    assert not (tmp_path / "checkout.db").exists()
