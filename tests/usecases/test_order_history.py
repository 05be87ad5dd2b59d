"""An order's history, as an operator sees it."""

from pathlib import Path

from app.databases import AnyDatabase
from app.usecases.notification_tries import TryResult
from app.usecases.order_history import EVENTS_MAX, NOTIFICATIONS_MAX, OrderHistory, ReadOrderHistory
from app.usecases.read_orders import ReadOrders
from tests.support.builders import (
    CHECKOUT_ID,
    SESSION_ID,
    Document,
    FixedClock,
    event,
    query,
    session,
)
from tests.support.outbox import NOW_MS, ended, failed, lease, new_notification, notify
from tests.support.recording import checkout, keep, prune, record
from tests.support.stripe_objects import charge, refund

REFUNDED = event("charge.refunded", charge(amount_refunded=1999), id="evt_2")


async def history_of(database: AnyDatabase, public_id: str = SESSION_ID) -> OrderHistory:
    order = await ReadOrders(database=database).one(public_id)
    return await ReadOrderHistory(database=database, outbox=database)(order)


async def tell(database: AnyDatabase, *documents: Document, start_ms: int = NOW_MS) -> None:
    """Record the events one after the other, a millisecond apart."""
    clock = FixedClock(start_ms)
    for document in documents:
        await record(database, document, clock=clock)
        clock.ms += 1


def statuses(history: OrderHistory) -> list[tuple[str, str | None]]:
    return [(each.event.id, each.status) for each in history.events]


async def test_events_are_in_the_order_of_their_receipt_with_the_status_after_each(
    database: AnyDatabase,
) -> None:
    await keep(database, checkout())
    await tell(
        database,
        REFUNDED,  # before the session that it belongs to
        event(id="evt_1"),
        event("charge.succeeded", charge(id=None), id="evt_0"),
    )

    history = await history_of(database)

    # evt_0 names pi_1, and cannot be read.
    assert statuses(history)[:2] == [("evt_2", "open"), ("evt_1", "refunded")]
    assert not history.has_earlier
    assert not history.is_pruned


async def test_the_events_of_all_of_its_sessions_are_told(database: AnyDatabase) -> None:
    await keep(database, checkout())
    recovered = session(id="cs_test_b2", recovered_from=SESSION_ID, payment_intent="pi_2")
    expired = session(
        payment_status="unpaid",
        payment_intent=None,
        after_expiration={"recovery": {"enabled": True}},
    )
    await tell(
        database,
        event("checkout.session.expired", expired, id="evt_1"),
        event(id="evt_2", subject=recovered),
    )

    history = await history_of(database, CHECKOUT_ID)

    assert statuses(history) == [("evt_1", "expired"), ("evt_2", "paid")]


async def test_an_order_of_which_nothing_was_told_has_no_history(database: AnyDatabase) -> None:
    await keep(database, checkout(session_id=None))

    history = await history_of(database, CHECKOUT_ID)

    assert (history.events, history.notifications) == ([], [])


async def test_what_follows_a_deleted_body_is_not_known(database: AnyDatabase) -> None:
    await tell(database, event(id="evt_1"))
    await prune(database, 1)
    await tell(database, REFUNDED, start_ms=NOW_MS + 1000)

    history = await history_of(database)

    assert statuses(history) == [("evt_1", None), ("evt_2", None)]
    assert history.is_pruned


async def test_only_the_latest_events_are_told_and_the_sessions_own_count(
    database: AnyDatabase, database_path: Path
) -> None:
    await tell(database, event(id="evt_own"))
    later = [
        event("charge.updated", charge(), id=f"evt_{number:03}") for number in range(EVENTS_MAX)
    ]
    await record(database, *later, clock=FixedClock(NOW_MS + 1))
    damaged = "UPDATE events SET payload = ? WHERE id = 'evt_000'"  # it changes no status
    query(database_path, damaged, b"{")

    history = await history_of(database)

    assert history.events[0].event.id == "evt_000"
    assert len(history.events) == EVENTS_MAX
    assert {status for _, status in statuses(history)} == {"paid"}
    assert "evt_own" not in dict(statuses(history))
    assert history.has_earlier


async def test_notifications_have_their_tries(outbox: AnyDatabase) -> None:
    await tell(outbox, event(id="evt_1"))
    (first,) = await lease(outbox, NOW_MS)
    await outbox.settle_tries([failed(first, NOW_MS)])
    (again,) = await lease(outbox, NOW_MS + 10_000)
    await outbox.settle_tries([ended(again, at_ms=NOW_MS + 10_000)])
    await tell(outbox, event("refund.created", refund(), id="evt_2"), start_ms=NOW_MS + 20_000)

    history = await history_of(outbox)

    assert [each.notification.type for each in history.notifications] == [
        "order.paid",
        "order.refunded",
    ]
    assert [[tried.result for tried in each.tries] for each in history.notifications] == [
        [TryResult.AGAIN, TryResult.TAKEN],
        [],
    ]


async def test_only_the_latest_notifications_are_told(outbox: AnyDatabase) -> None:
    await tell(outbox, event(id="evt_1"))
    many = [
        new_notification(number, order_id=SESSION_ID) for number in range(1, NOTIFICATIONS_MAX + 1)
    ]
    await notify(outbox, *many)

    history = await history_of(outbox)

    assert len(history.notifications) == NOTIFICATIONS_MAX
    assert [each.notification.id for each in history.notifications] == [each.id for each in many]
    assert history.has_earlier
