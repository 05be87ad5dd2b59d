"""What the fold tells, on every database: with the status, in one commit, and never again."""

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from app.adapters.database.postgres.database import PostgresDatabase
from app.adapters.database.sqlite.database import SqliteDatabase
from app.domain.money import ExpectedSubtotal
from app.domain.notifications.notices import PaidInvoice
from app.usecases.outbox import Delivery, Notification, NotificationQuery
from app.usecases.rebuild_payments import RebuildPayments
from app.usecases.record_events import Recorded
from app.usecases.replay_events import ReplayEvents
from tests.support.builders import (
    CHECKOUT_ID,
    SESSION_ID,
    FixedClock,
    SilentAlarm,
    event,
    query,
    session,
)
from tests.support.outbox import POSTED
from tests.support.readings import COMPLETED, EXPIRED, SUCCEEDED
from tests.support.recording import NOW_MS, checkout, keep, record
from tests.support.rows import refuse
from tests.support.stripe_objects import (
    charge,
    dispute,
    invoice,
    listing,
    refund,
    subscription,
)

AnyDatabase = SqliteDatabase | PostgresDatabase
SUBSCRIBED = session(mode="subscription", payment_intent=None, subscription="sub_1", invoice="in_0")
RENEWED = invoice(
    id="in_1",
    billing_reason="subscription_cycle",
    amount_paid=900,
    currency="usd",
    payments=listing({"payment": {"payment_intent": "pi_9"}}),
)
HISTORY = [
    event(COMPLETED, SUBSCRIBED, id="evt_1"),
    event("invoice.payment_failed", RENEWED | {"id": "in_2"}, id="evt_2"),
    event("invoice.paid", RENEWED, id="evt_3"),
    event("invoice.payment_succeeded", RENEWED, id="evt_4"),
    event("charge.succeeded", charge(id="ch_9", payment_intent="pi_9"), id="evt_5"),
    event(
        "charge.dispute.created",
        dispute(id="dp_9", charge="ch_9", payment_intent="pi_9"),
        id="evt_6",
    ),
    event("customer.subscription.updated", subscription(status="past_due"), id="evt_7"),
    event(
        "customer.subscription.deleted",
        subscription(status="canceled"),
        id="evt_8",
        created=1_760_000_009,
    ),
]


@pytest.fixture
def database(database: AnyDatabase) -> AnyDatabase:
    database.posting = POSTED
    return database


async def kept(database: AnyDatabase) -> Sequence[Notification]:
    """All notifications, the oldest first."""
    return [*await database.list_notifications(NotificationQuery(limit=1000))][::-1]


async def types(database: AnyDatabase) -> list[str]:
    return [each.type.value for each in await kept(database)]


async def replay_all(database: AnyDatabase) -> None:
    replay = ReplayEvents(
        database=database, clock=FixedClock(), alarm=SilentAlarm(), on_change=lambda _: None
    )
    await replay.of_state(None)


async def repair(database: AnyDatabase) -> None:
    rebuild = RebuildPayments(database=database, clock=FixedClock())
    assert [each async for each in rebuild(repair=True)]


async def test_a_payment_is_told_in_the_transaction_that_folds_it(database: AnyDatabase) -> None:
    await keep(database, checkout())

    await record(database, event())

    (told,) = await kept(database)
    assert (told.type, told.session_id, told.order_id) == ("order.paid", SESSION_ID, CHECKOUT_ID)
    assert (told.at_ms, told.delivery, told.due_at_ms) == (NOW_MS, Delivery.WAITING, NOW_MS)


async def test_a_price_that_is_not_the_catalogs_is_told_as_a_flag(database: AnyDatabase) -> None:
    await keep(database, checkout(expected=ExpectedSubtotal(amount_minor=1, currency="eur")))

    await record(database, event(subject=session(amount_subtotal=1999)))
    await record(database, event("refund.created", refund(), id="evt_2"))

    assert await types(database) == ["order.paid", "order.flagged", "order.refunded"]
    assert (await kept(database))[1].cause == "price_mismatch"


async def test_what_cannot_be_told_is_not_folded(
    database: AnyDatabase, database_path: Path
) -> None:
    refuse(database_path, "INSERT ON notifications")

    assert await record(database, event()) == [Recorded.FAILED]

    assert await database.find_payment(SESSION_ID) is None


async def test_each_change_is_told_in_its_order(database: AnyDatabase) -> None:
    unpaid = session(payment_status="unpaid")

    await record(database, event(COMPLETED, unpaid, id="evt_1"))
    await record(database, event(SUCCEEDED, id="evt_2"))
    await record(database, event("refund.created", refund(), id="evt_3"))
    await record(database, event("refund.created", refund(id="re_2"), id="evt_4"))
    await record(database, event("charge.dispute.created", dispute(), id="evt_5"))
    await record(database, event("charge.dispute.closed", dispute(status="won"), id="evt_6"))

    assert await types(database) == [
        "order.processing",
        "order.paid",
        "order.refunded",
        "order.refunded",
        "order.disputed",
        "order.flagged",
        "order.dispute_closed",
    ]


async def test_a_refund_that_comes_before_the_session_is_told_after_its_payment(
    database: AnyDatabase,
) -> None:
    await record(database, event("refund.created", refund(), id="evt_2"))
    assert await types(database) == []

    await record(database, event(id="evt_1"))

    assert await types(database) == ["order.paid", "order.refunded"]


async def test_a_subscriptions_life_is_told(database: AnyDatabase) -> None:
    for document in HISTORY:
        await record(database, document)

    assert await types(database) == [
        "order.paid",
        "subscription.payment_failed",
        "subscription.renewed",
        "order.disputed",
        "order.flagged",
        "subscription.updated",
        "subscription.canceled",
    ]
    renewed = (await kept(database))[2]
    assert renewed.invoice == PaidInvoice(id="in_1", amount_paid_minor=900, currency="usd")


@pytest.mark.parametrize("seed", range(5))
async def test_in_another_order_nothing_of_the_last_state_is_left_out(
    database: AnyDatabase, seed: int
) -> None:
    documents = list(HISTORY)
    random.Random(seed).shuffle(documents)  # noqa: S311 no secret
    for document in documents:
        await record(database, document)

    told = [(each.type.value, each.cause.split(" ")[0]) for each in await kept(database)]
    assert len(set(told)) == len(told)
    assert {
        ("order.paid", ""),
        ("subscription.payment_failed", "in_2"),
        ("subscription.renewed", "in_1"),
        ("order.disputed", "dp_9"),
        ("subscription.canceled", "sub_1"),
    } <= set(told)


@pytest.mark.parametrize("is_pruned", [False, True])
async def test_replay_redelivery_and_rebuild_tell_nothing_again(
    database: AnyDatabase, database_path: Path, *, is_pruned: bool
) -> None:
    for document in HISTORY:
        await record(database, document)
    if is_pruned:
        query(database_path, "DELETE FROM notifications")
    before = await kept(database)

    await record(database, *HISTORY)
    await record(database, *(each | {"id": f"{each['id']}_again"} for each in HISTORY))
    await replay_all(database)
    await repair(database)
    query(database_path, "DELETE FROM renewal_ids")
    query(database_path, "DELETE FROM renewals")
    query(database_path, "DELETE FROM payment_links")
    query(database_path, "DELETE FROM payments")
    await repair(database)
    await replay_all(database)

    assert await kept(database) == before


async def test_what_was_folded_before_there_were_notifications_is_not_told(
    database: AnyDatabase, database_path: Path
) -> None:
    await record(database, event(id="evt_1"))
    query(database_path, "DELETE FROM notifications")

    await replay_all(database)
    await record(database, event("refund.created", refund(), id="evt_2"))

    assert await types(database) == ["order.refunded"]


async def test_a_setup_session_is_not_told(database: AnyDatabase) -> None:
    subject = session(mode="setup", payment_status="no_payment_required")

    await record(database, event(COMPLETED, subject))

    assert await kept(database) == []


async def test_a_session_of_nobody_has_its_own_id(database: AnyDatabase) -> None:
    await record(database, event(EXPIRED, session(status="expired", payment_status="unpaid")))

    (told,) = await kept(database)
    assert (told.type, told.order_id) == ("order.expired", SESSION_ID)


async def test_events_of_one_batch_are_told_once_and_in_the_orders_of_their_payments(
    database: AnyDatabase,
) -> None:
    other = session(id="cs_test_b2", payment_intent="pi_2")

    await record(
        database,
        event(id="evt_1"),
        event("refund.created", refund(), id="evt_2"),
        event(COMPLETED, other, id="evt_3"),
        event(id="evt_4"),
    )

    told = [(each.session_id[-2:], each.type.value) for each in await kept(database)]
    assert sorted(told) == [("a1", "order.paid"), ("a1", "order.refunded"), ("b2", "order.paid")]
    assert told.index(("a1", "order.paid")) < told.index(("a1", "order.refunded"))
