"""Checks from outside that nothing was lost, during the load and after it."""

import json
import shutil
from pathlib import Path
from typing import Final

import httpx

from tests.support.builders import DEADLINE_S, Document, query, to_body
from tests.support.cluster.fleet import Fleet
from tests.support.cluster.load import Load
from tests.support.comparing import PAID, DatabaseState, expected_state, state_of
from tests.support.postgres_server import fetch
from tests.support.traffic import CART, checkout_headers
from tests.support.variants import proves_payment

CHECKED_MAX: Final = 25  # keys, and payments, at each replica


async def assert_acknowledged_is_kept(url: str, load: Load) -> None:
    """Check that everything acknowledged before this call is committed."""
    taken, bought = set(load.acknowledged), {each.checkout_id for each in load.bought}
    proven = proven_sessions(load)

    events = await fetch(url, "SELECT id FROM events")
    checkouts = await fetch(url, "SELECT id FROM checkouts")
    payments = await fetch(url, "SELECT session_id, status FROM payments")

    assert taken <= {row["id"] for row in events}
    assert bought <= {row["id"] for row in checkouts}
    statuses = {row["session_id"]: row["status"] for row in payments}
    assert {statuses.get(session_id) for session_id in proven} <= PAID


async def assert_same_as_undisturbed(load: Load, fleet: Fleet) -> DatabaseState:
    """Finish the load; check that the database equals that of an undisturbed run."""
    await load.settle()
    shop, path = fleet.shop, fleet.shop.database_path

    found = state_of(path)
    expected = await expected_state(
        Path(shutil.copy(shop.empty_sqlite, shop.folder / "expected.db")), load.sent
    )
    assert not (differing := found.differences(expected)), differing[:10]
    assert max(load.recorded.values()) == 1, "an event was answered as new twice"
    await _assert_one_checkout_for_each_key(load, fleet, path)
    await _assert_all_replicas_show_it(load, fleet, found)
    ended = await shop.run("events", "rebuild", "--json")
    report = json.loads(ended.output)
    assert (ended.status, report["differences"], ended.errors) == (0, [], "")
    assert report["same"] == len(expected.payments)
    return expected


async def _assert_one_checkout_for_each_key(load: Load, fleet: Fleet, path: Path) -> None:
    """Check this for keys whose first holder was killed, too, and at each replica."""
    (row,) = query(path, "SELECT count(*) AS checkouts FROM checkouts")
    assert row["checkouts"] == len(load.bought) == len({each.key for each in load.bought})
    for replica in fleet.replicas:
        for bought in load.bought[:CHECKED_MAX] + load.bought[-CHECKED_MAX:]:
            answer = await replica.client.post(
                "/checkout", content=to_body(CART), headers=checkout_headers(bought.key)
            )
            assert answer.json()["checkout_id"] == bought.checkout_id


async def _assert_all_replicas_show_it(load: Load, fleet: Fleet, found: DatabaseState) -> None:
    for replica in fleet.replicas:
        for bought in load.bought[-CHECKED_MAX:]:
            shown = await replica.client.get(f"/checkout/{bought.checkout_id}", timeout=DEADLINE_S)
            assert shown.status_code == httpx.codes.OK
            assert shown.json()["status"] == found.statuses[bought.session_id]


def proven_sessions(load: Load) -> set[str]:
    """Return the sessions whose payment is proven by acknowledged events."""
    return {_session_id(event) for event in load.acknowledged.values() if proves_payment(event)}


def _session_id(event: Document) -> str:
    return str(event["data"]["object"]["id"])
