"""Two replicas on one PostgreSQL fold at the same moment, and lose nothing.

Each race is run twice: as it is, and with its lock taken away. The second run proves that the
first would see the loss.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.adapters.database.postgres.database import PostgresDatabase
from app.domain.fold.records import EventState
from app.domain.payments.status import PaymentStatus
from app.usecases.record_events import Recorded
from app.usecases.storage import Transaction
from tests.support.builders import (
    NOW_S,
    Document,
    SilentAlarm,
    event,
    query,
    session,
)
from tests.support.meeting import (
    Replicas,
    UnlockedIds,
    UnlockedPayments,
    kept_apart,
    record,
    sure_to_meet,
)

COMPLETED = event(id="evt_completed", subject=session(payment_intent="pi_1"))
REFUND = event(
    "refund.created",
    {"id": "re_1", "object": "refund", "amount": 500, "status": "succeeded", "charge": None}
    | {"payment_intent": "pi_1", "currency": "eur"},
    id="evt_refund",
    created=NOW_S + 1,
)
CHARGE = event(
    "charge.succeeded",
    {"id": "ch_1", "object": "charge", "payment_intent": "pi_1", "amount_refunded": 0},
    id="evt_charge",
)
DISPUTE = event(
    "charge.dispute.created",
    {"id": "dp_1", "object": "dispute", "amount": 1999, "status": "needs_response"}
    | {"charge": "ch_1", "payment_intent": None, "currency": "eur"},
    id="evt_dispute",
)


@pytest.fixture
def database_kind() -> str:
    return "postgres"


@pytest.fixture
async def replicas(database_path: Path, alarm: SilentAlarm) -> AsyncIterator[Replicas]:
    url = await asyncio.to_thread(database_path.read_text)
    replicas = Replicas(PostgresDatabase(url, alarm), PostgresDatabase(url, alarm))
    yield replicas
    await replicas.first.close()
    await replicas.second.close()


def states(database_path: Path) -> dict[str, str]:
    return {row["id"]: row["state"] for row in query(database_path, "SELECT id, state FROM events")}


# --- the link race: one event makes the link for which the other waits


@pytest.mark.parametrize("documents", [(COMPLETED, REFUND), (REFUND, COMPLETED)])
async def test_a_refund_is_folded_though_its_link_is_made_at_the_same_moment(
    replicas: Replicas, database_path: Path, documents: tuple[Document, Document]
) -> None:
    meeting = kept_apart()

    outcomes = await replicas.record_at_once(meeting, *documents)

    assert not meeting.met
    assert outcomes == [Recorded.RECORDED] * 2
    assert states(database_path) == {"evt_completed": "folded", "evt_refund": "folded"}
    payment = await replicas.payment()
    assert payment.facts.status is PaymentStatus.PARTIALLY_REFUNDED
    assert payment.facts.amount_refunded_minor == 500


async def test_without_the_lock_on_ids_that_refund_would_be_lost(
    replicas: Replicas, database_path: Path
) -> None:
    meeting = sure_to_meet()

    await replicas.record_at_once(meeting, COMPLETED, REFUND, kind=UnlockedIds)

    assert meeting.met
    assert states(database_path) == {"evt_completed": "folded", "evt_refund": "waiting"}
    payment = await replicas.payment()
    assert payment.facts.status is PaymentStatus.PAID  # and so it would stay


async def test_events_of_no_common_id_do_not_wait_for_each_other(replicas: Replicas) -> None:
    meeting = sure_to_meet()
    other = event(id="evt_other", subject=session(id="cs_test_b2", payment_intent="pi_2"))

    await replicas.record_at_once(meeting, COMPLETED, other)

    assert meeting.met


# --- the lost update: two events reach one payment by different ids


@pytest.mark.parametrize("documents", [(REFUND, DISPUTE), (DISPUTE, REFUND)])
async def test_two_events_of_one_payment_by_different_ids_both_count(
    replicas: Replicas, documents: tuple[Document, Document]
) -> None:
    await record(replicas.first, COMPLETED, CHARGE)
    meeting = kept_apart()

    await replicas.record_at_once(meeting, *documents)

    assert not meeting.met
    payment = await replicas.payment()
    assert payment.facts.amount_refunded_minor == 500
    assert list(payment.facts.disputes) == ["dp_1"]
    assert payment.version == 3


async def test_without_the_lock_on_payments_one_of_the_two_would_be_lost(
    replicas: Replicas,
) -> None:
    await record(replicas.first, COMPLETED, CHARGE)
    meeting = sure_to_meet()

    await replicas.record_at_once(meeting, REFUND, DISPUTE, kind=UnlockedPayments)

    assert meeting.met
    payment = await replicas.payment()
    assert payment.version == 2
    assert (payment.facts.amount_refunded_minor == 500) != bool(payment.facts.disputes)


# --- the same event on both


@pytest.mark.parametrize("document", [COMPLETED, event("customer.created", {"id": "cus_1"})])
async def test_an_event_that_comes_to_both_is_recorded_by_one(
    replicas: Replicas, database_path: Path, document: Document
) -> None:
    outcomes = await asyncio.gather(
        *(record(database, document) for database in (replicas.first, replicas.second))
    )

    assert sorted(outcome for (outcome,) in outcomes) == ["duplicate", "recorded"]
    assert len(states(database_path)) == 1


async def test_shuffled_batches_on_both_replicas_fold_every_event_once(
    replicas: Replicas, database_path: Path
) -> None:
    """Batches share payments in every order, so that locks cross; deadlocks are run anew."""
    payments = range(6)
    stories = [
        [
            event(id=f"evt_{n}_c", subject=session(id=f"cs_test_{n}", payment_intent=f"pi_{n}")),
            renamed(CHARGE, n),
            renamed(REFUND, n),
            renamed(DISPUTE, n),
        ]
        for n in payments
    ]
    batches = [
        [stories[(shift + n) % 6][(shift * step + n) % 4] for n in range(8)]
        for shift in range(6)
        for step in (1, 2, 3)
    ]

    await asyncio.gather(
        *(
            record(database, *batch)
            for batch in batches
            for database in (replicas.first, replicas.second)
        )
    )
    for story in stories:
        await record(replicas.first, *story)

    assert set(states(database_path).values()) == {EventState.FOLDED}
    for n in payments:
        payment = await replicas.first.find_payment(f"cs_test_{n}")
        assert payment is not None
        assert payment.facts.amount_refunded_minor == 500
        assert list(payment.facts.disputes) == [f"dp_{n}"]


def renamed(document: Document, number: int) -> Document:
    """The same story of another payment."""
    subject = {
        name: f"{value[:-1]}{number}" if isinstance(value, str) and value.endswith("_1") else value
        for name, value in document["data"]["object"].items()
    }
    return {**document, "id": f"{document['id']}_{number}", "data": {"object": subject}}


# --- housekeeping


async def test_one_replica_leads_until_its_transaction_ends(replicas: Replicas) -> None:
    async def lead_while_the_other_tries(transaction: Transaction) -> tuple[bool, bool]:
        mine = await transaction.try_to_lead()
        return mine, await replicas.second.write(lambda other: other.try_to_lead())

    assert await replicas.first.write(lead_while_the_other_tries) == (True, False)
    assert await replicas.second.write(lambda transaction: transaction.try_to_lead())
