"""What a notification shows: the order as it is now, on every database."""

from app.adapters.database.postgres.database import PostgresDatabase
from app.adapters.database.sqlite.database import SqliteDatabase
from app.domain.notifications.notices import PaidInvoice
from app.domain.notifications.types import NotificationType
from app.usecases.notification_document import documents_of
from app.usecases.read_orders import ReadOrders
from tests.support.builders import CHECKOUT_ID, NOW_S, SESSION_ID, event, session
from tests.support.outbox import NOW_MS, POSTED, lease, new_notification, notify
from tests.support.recording import checkout, keep, record

AnyDatabase = SqliteDatabase | PostgresDatabase


async def test_it_is_the_order_as_the_shops_server_would_read_it(database: AnyDatabase) -> None:
    await keep(database, checkout())
    await record(database, event())
    database.posting = POSTED
    order = await ReadOrders(database=database).one(CHECKOUT_ID)
    invoice = PaidInvoice(id="in_2", amount_paid_minor=900, currency="eur")
    await notify(
        database,
        new_notification(1, order_id=CHECKOUT_ID, at_ms=NOW_MS),
        new_notification(
            2, order_id=CHECKOUT_ID, type=NotificationType.RENEWED, invoice=invoice, at_ms=NOW_MS
        ),
        new_notification(3, session_id="cs_test_unknown", order_id="cs_test_unknown"),
    )
    listed = {each.id: each for each in await lease(database, NOW_MS)}
    known = await database.find_notification(new_notification(2).id)
    assert known

    documents = await documents_of(database, [*listed.values(), known[0]])

    assert order.document["session_id"] == SESSION_ID
    assert documents == {
        new_notification(1).id: {
            "type": "order.paid",
            "timestamp": "2025-10-09T08:53:20.000Z",
            "data": order.document,
        },
        new_notification(2).id: {
            "type": "subscription.renewed",
            "timestamp": "2025-10-09T08:53:20.000Z",
            "data": order.document
            | {"invoice": {"id": "in_2", "amount_paid": 900, "currency": "eur"}},
        },
    }
    assert NOW_S * 1000 == NOW_MS


async def test_several_orders_are_read_at_once(database: AnyDatabase) -> None:
    database.posting = POSTED
    for number in (1, 2):
        paid = session(id=f"cs_test_{number}", payment_intent=f"pi_{number}")
        await record(database, event(id=f"evt_{number}", subject=paid))

    documents = await documents_of(database, await lease(database, NOW_MS))

    assert [each["data"]["id"] for each in documents.values()] == ["cs_test_1", "cs_test_2"]
