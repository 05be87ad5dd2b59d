"""A session of `mode: "setup"` saves a card: it is recorded, but is not a payment."""

import pytest

from app.databases import AnyDatabase
from app.domain.fold.rebuild import Verdict
from app.domain.fold.records import EventState, Payment
from app.domain.payments.facts import PaymentFacts
from app.usecases.rebuild_payments import RebuildPayments
from tests.support.builders import SESSION_ID, FixedClock, Service, event, query, session
from tests.support.recording import NOW_MS, keep, kept_event, mention
from tests.support.status_service import status_service

SAVING = session(
    mode="setup",
    payment_status="no_payment_required",
    amount_total=None,
    payment_intent=None,
    setup_intent="seti_1",
)


@pytest.mark.parametrize("name", ["completed", "expired"])
async def test_a_session_that_saves_a_card_is_recorded_and_is_no_payment(
    local_service: Service, name: str
) -> None:
    answer = await local_service.deliver(event(f"checkout.session.{name}", SAVING))

    assert answer.json()["outcome"] == "recorded"
    assert (await local_service.client.get(f"/checkout/{SESSION_ID}")).status_code == 404
    assert query(local_service.database_path, "SELECT state, reason FROM events") == [
        {"state": "recorded", "reason": None}
    ]
    assert not query(local_service.database_path, "SELECT * FROM payments")
    assert not query(local_service.database_path, "SELECT * FROM event_mentions")


@pytest.mark.parametrize("database_kind", ["sqlite", "postgres"])
async def test_one_that_an_older_version_kept_as_paid_is_repaired_away(
    database: AnyDatabase,
) -> None:
    saved = event(subject=SAVING)
    took_for_paid = PaymentFacts(paid=True, paid_at_s=NOW_MS // 1000)
    await keep(
        database,
        kept_event(saved, EventState.RECORDED),
        Payment(
            session_id=SESSION_ID,
            facts=took_for_paid,
            updated_at_ms=NOW_MS,
            version=1,
            price_mismatch=False,
        ),
    )
    await mention(database, SESSION_ID, saved["id"])
    rebuild = RebuildPayments(database=database, clock=FixedClock())
    async with status_service(database) as service:
        assert (await service.get(SESSION_ID)).json()["status"] == "paid"

        verdicts = [each.verdict async for each in rebuild(repair=True)]

        assert verdicts == [Verdict.DIFFERENT]
        assert (await service.get(SESSION_ID)).status_code == 404
        assert [each.verdict async for each in rebuild()] == [Verdict.SAME]
