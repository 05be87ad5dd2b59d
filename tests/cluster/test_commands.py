"""Commands that an operator runs on the shared database while replicas are running."""

import json

import httpx

from tests.support.builders import event, query, session
from tests.support.cluster.fleet import Shop, running_fleet

PAID = event(id="evt_paid", subject=session())
STRANGE = event(
    "charge.dispute.created",
    {"id": "dp_1", "object": "dispute", "amount": 1, "payment_intent": "pi_1", "status": "new one"},
    id="evt_strange",
)


async def test_the_events_commands_and_the_doctor_work_beside_the_replicas(shop: Shop) -> None:
    async with running_fleet(shop) as fleet:
        first, second = fleet.replicas
        answers = [await first.service.deliver(PAID), await second.service.deliver(STRANGE)]

        listed = await shop.run("events", "list", "--json")
        replayed = await shop.run("events", "replay", "--all", "--json")
        spoil = "UPDATE payments SET status = 'open', facts = '{}' WHERE session_id = 'cs_test_a1'"
        query(shop.database_path, spoil)
        repaired = await shop.run("events", "rebuild", "--repair", "--json")
        after = await second.client.get("/checkout/cs_test_a1")
        examined = await shop.run("doctor", COLUMNS="200")

    assert [answer.status_code for answer in answers] == [httpx.codes.OK] * 2
    assert {each["id"]: each["state"] for each in json.loads(listed.output)} == {
        "evt_paid": "folded",
        "evt_strange": "failed",
    }
    assert json.loads(replayed.output) == {"folded": 1, "failed": 1}
    (difference,) = json.loads(repaired.output)["differences"]
    assert (difference["kept"], difference["session_id"]) == ("open", "cs_test_a1")
    assert repaired.status == 0
    assert after.json()["status"] == "disputed"
    assert "PostgreSQL" in examined.output
    assert "Traceback" not in examined.output + examined.errors
