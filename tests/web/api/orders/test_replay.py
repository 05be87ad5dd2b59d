"""POST /events/{id}/replay: an operator has a stored event processed again."""

from pathlib import Path

import pytest

from tests.support.builders import event, query
from tests.support.orders import ADMIN_TOKEN, TOKEN, bearer, order_shop


async def test_an_event_that_failed_is_processed_again(database_path: Path) -> None:
    async with order_shop(database_path) as shop:
        await shop.service.deliver(event(id="evt_paid"))
        failed = "UPDATE events SET state = 'failed', reason = 'a defect, since fixed'"
        query(database_path, failed)

        answered = await shop.service.client.post(
            "/events/evt_paid/replay", headers=bearer(ADMIN_TOKEN)
        )

    assert answered.status_code == 200
    assert answered.json() == {"event_id": "evt_paid", "state": "folded", "reason": None}
    assert answered.headers["cache-control"] == "no-store"
    assert query(database_path, "SELECT state, reason FROM events") == [
        {"state": "folded", "reason": None}
    ]


async def test_the_reason_is_told_where_it_fails_again(database_path: Path) -> None:
    async with order_shop(database_path) as shop:
        unknown = event(id="evt_odd")
        unknown["data"]["object"]["payment_status"] = "a word of next year"
        await shop.service.deliver(unknown)

        answered = await shop.service.client.post(
            "/events/evt_odd/replay", headers=bearer(ADMIN_TOKEN)
        )

    assert answered.json()["state"] == "failed"
    assert "payment_status" in answered.json()["reason"]


@pytest.mark.parametrize(
    ("token", "event_id", "status", "code"),
    [
        (TOKEN, "evt_paid", 403, "forbidden"),
        ("wrong" * 6, "evt_paid", 401, "unauthorized"),
        (ADMIN_TOKEN, "evt_unknown", 404, "not_found"),
        (ADMIN_TOKEN, "evt_forgotten", 404, "not_found"),
    ],
)
async def test_refusals(
    database_path: Path, token: str, event_id: str, status: int, code: str
) -> None:
    async with order_shop(database_path) as shop:
        await shop.service.deliver(event(id="evt_paid"))
        await shop.service.deliver(event(id="evt_forgotten"))
        query(database_path, "UPDATE events SET payload = NULL WHERE id = 'evt_forgotten'")

        answered = await shop.service.client.post(
            f"/events/{event_id}/replay", headers=bearer(token)
        )

    assert (answered.status_code, answered.json()["code"]) == (status, code)
