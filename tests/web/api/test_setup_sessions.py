"""A session of `mode: "setup"` saves a card: it is recorded, and is no payment."""

import pytest

from tests.support.builders import SESSION_ID, Service, event, query, session


@pytest.mark.parametrize("name", ["completed", "expired"])
async def test_a_session_that_saves_a_card_is_recorded_and_is_no_payment(
    local_service: Service, name: str
) -> None:
    saving = session(
        mode="setup",
        payment_status="no_payment_required",
        amount_total=None,
        payment_intent=None,
        setup_intent="seti_1",
    )

    answer = await local_service.deliver(event(f"checkout.session.{name}", saving))

    assert answer.json()["outcome"] == "recorded"
    assert (await local_service.client.get(f"/checkout/{SESSION_ID}")).status_code == 404
    assert query(local_service.database_path, "SELECT state, reason FROM events") == [
        {"state": "recorded", "reason": None}
    ]
    assert not query(local_service.database_path, "SELECT * FROM payments")
    assert not query(local_service.database_path, "SELECT * FROM event_mentions")
