"""What a storm may not have changed: looked at from outside, while it rages and when it is over."""

import json
import shutil
from pathlib import Path
from typing import Final

import httpx

from tests.support.builders import DEADLINE_S, Document, query, to_body
from tests.support.cluster.fleet import Fleet
from tests.support.cluster.storm import Storm
from tests.support.comparing import PAID, Truth, calm_truth, truth
from tests.support.one_payment import CART, checkout_headers
from tests.support.postgres_server import fetch
from tests.support.variants import proves_payment

ASKED_AGAIN: Final = 25  # keys, and payments, at each replica


async def assert_words_kept(url: str, storm: Storm) -> None:
    """Whatever was acknowledged before this was called is committed now."""
    taken, bought = set(storm.taken), {each.checkout_id for each in storm.bought}
    proven = proven_sessions(storm)

    events = await fetch(url, "SELECT id FROM events")
    checkouts = await fetch(url, "SELECT id FROM checkouts")
    payments = await fetch(url, "SELECT session_id, status FROM payments")

    assert taken <= {row["id"] for row in events}
    assert bought <= {row["id"] for row in checkouts}
    statuses = {row["session_id"]: row["status"] for row in payments}
    assert {statuses.get(session_id) for session_id in proven} <= PAID


async def assert_as_if_nothing_had_been(storm: Storm, fleet: Fleet) -> Truth:
    """Settle the storm; then the database is as a calm run leaves one, event by event."""
    await storm.settle()
    shop, path = fleet.shop, fleet.shop.database_path

    found = truth(path)
    calm = await calm_truth(
        Path(shutil.copy(shop.empty_sqlite, shop.folder / "calm.db")), storm.told
    )
    assert not (differing := found.differences(calm)), differing[:10]
    assert max(storm.recorded.values()) == 1, "an event was called new twice"
    await _assert_one_checkout_a_key(storm, fleet, path)
    await _assert_shown_alike(storm, fleet, found)
    ended = await shop.run("events", "rebuild", "--json")
    report = json.loads(ended.output)
    assert (ended.status, report["differences"], ended.errors) == (0, [], "")
    assert report["same"] == len(calm.payments)
    return calm


async def _assert_one_checkout_a_key(storm: Storm, fleet: Fleet, path: Path) -> None:
    """Also of keys whose first holder died, and at whichever replica they are asked for."""
    (row,) = query(path, "SELECT count(*) AS checkouts FROM checkouts")
    assert row["checkouts"] == len(storm.bought) == len({each.key for each in storm.bought})
    for replica in fleet.replicas:
        for bought in storm.bought[:ASKED_AGAIN] + storm.bought[-ASKED_AGAIN:]:
            answer = await replica.client.post(
                "/checkout", content=to_body(CART), headers=checkout_headers(bought.key)
            )
            assert answer.json()["checkout_id"] == bought.checkout_id


async def _assert_shown_alike(storm: Storm, fleet: Fleet, found: Truth) -> None:
    for replica in fleet.replicas:
        for bought in storm.bought[-ASKED_AGAIN:]:
            shown = await replica.client.get(f"/checkout/{bought.checkout_id}", timeout=DEADLINE_S)
            assert shown.status_code == httpx.codes.OK
            assert shown.json()["status"] == found.statuses[bought.session_id]


def proven_sessions(storm: Storm) -> set[str]:
    """Those whose payment is proven by what was acknowledged."""
    return {_session_id(event) for event in storm.taken.values() if proves_payment(event)}


def _session_id(event: Document) -> str:
    return str(event["data"]["object"]["id"])
