"""A buyer's data is deleted with the bodies of the order's events, and nothing else changes."""

from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from app.adapters.database.postgres.database import PostgresDatabase
from app.adapters.database.sqlite.database import SqliteDatabase
from app.domain.errors import NotFoundError
from app.domain.fold.rebuild import Verdict
from app.domain.fold.records import EventState
from app.usecases import erase_order
from app.usecases.erase_order import EraseOrder
from app.usecases.notification_document import documents_of, orders_of
from app.usecases.outbox import Posting
from app.usecases.read_orders import ReadOrders
from app.usecases.rebuild_payments import RebuildPayments
from app.usecases.records import EventQuery
from tests.support.builders import CHECKOUT_ID, SESSION_ID, FixedClock, SilentAlarm, event, session
from tests.support.orders_table import KeptTable, Setting
from tests.support.readings import COMPLETED
from tests.support.recording import checkout, keep, kept_event, record
from tests.support.stripe_objects import payment_intent

AnyDatabase = SqliteDatabase | PostgresDatabase
BUYER = {"email": "buyer@example.com", "name": "B. Uyer", "phone": None, "address": None}
PERSONAL: dict[str, object] = {
    "customer": None,
    "shipping": None,
    "custom_fields": [],
    "metadata": {},
}
PAID = event(
    COMPLETED,
    session(customer="cus_1", customer_details=BUYER, metadata={"note": "for Mum"}),
    id="evt_paid",
)
INTENT = event("payment_intent.succeeded", payment_intent(), id="evt_intent")
CUSTOMER = event("customer.updated", {"object": "customer", "id": "cus_1"}, id="evt_customer")
CARD = event(
    "payment_method.attached",
    {"object": "payment_method", "id": "pm_1", "customer": "cus_1"},
    id="evt_card",
)
OF_ANOTHER = event("customer.updated", {"object": "customer", "id": "cus_2"}, id="evt_another")
THIN = {"id": "evt_thin", "object": "v2.core.event", "type": "v2.core.account.updated"}


@pytest.fixture
def erase(database: AnyDatabase, clock: FixedClock) -> EraseOrder:
    return EraseOrder(database=database, clock=clock)


async def with_body(database: AnyDatabase) -> set[str]:
    return {each.id for each in await database.read(lambda t: t.list_events(EventQuery()))}


async def document(database: AnyDatabase, order_id: str = CHECKOUT_ID) -> dict[str, Any]:
    return (await ReadOrders(database=database).one(order_id)).document


@pytest.mark.parametrize("order_id", [CHECKOUT_ID, SESSION_ID])
async def test_nothing_personal_is_left_and_nothing_else_changes(
    database: AnyDatabase, erase: EraseOrder, order_id: str
) -> None:
    await keep(database, checkout())
    damaged = replace(kept_event(CUSTOMER, EventState.RECORDED), id="evt_damaged", payload=b"{")
    await keep(database, damaged)
    await record(database, PAID, INTENT, CUSTOMER, CARD, OF_ANOTHER, THIN)
    before = await document(database)
    assert before["customer"] == BUYER

    erased = await erase(order_id)

    assert (erased.deleted, erased.kept_ids) == (4, [])
    assert await with_body(database) == {"evt_another", "evt_damaged", "evt_thin"}
    after = await document(database)
    assert after["version"] > before["version"]
    assert after == before | PERSONAL | {"version": after["version"]}


async def test_a_second_time_there_is_nothing_to_delete(
    database: AnyDatabase, erase: EraseOrder
) -> None:
    await record(database, PAID)
    await erase(SESSION_ID)
    version = (await document(database, SESSION_ID))["version"]

    assert (await erase(SESSION_ID)).deleted == 0
    assert (await document(database, SESSION_ID))["version"] == version


async def test_other_orders_keep_their_data(database: AnyDatabase, erase: EraseOrder) -> None:
    other = session(id="cs_test_other", customer_details=BUYER, payment_intent="pi_other")
    await record(database, PAID, event(COMPLETED, other, id="evt_other"))

    await erase(SESSION_ID)

    assert (await document(database, "cs_test_other"))["customer"] == BUYER


async def test_an_event_that_was_not_processed_keeps_its_body(
    database: AnyDatabase, erase: EraseOrder
) -> None:
    broken = event("charge.refunded", {"object": "charge", "id": "ch_1", "payment_intent": "pi_1"})
    await record(database, PAID, broken | {"id": "evt_broken"})

    erased = await erase(SESSION_ID)

    assert (erased.deleted, erased.kept_ids) == (1, ["evt_broken"])
    assert await with_body(database) == {"evt_broken"}


async def test_many_events_are_found_and_deleted_page_by_page(
    database: AnyDatabase, erase: EraseOrder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erase_order, "PAGE", 2)
    updates = [CUSTOMER | {"id": f"evt_c{number}"} for number in range(4)]
    await record(database, PAID, OF_ANOTHER, *updates)

    assert (await erase(SESSION_ID)).deleted == 5
    assert await with_body(database) == {"evt_another"}


async def test_a_rebuild_afterwards_keeps_what_is_known(
    database: AnyDatabase, erase: EraseOrder, clock: FixedClock
) -> None:
    await record(database, PAID, INTENT)
    await erase(SESSION_ID)
    before = await document(database, SESSION_ID)

    rebuild = RebuildPayments(database=database, clock=clock)
    assert [each.verdict async for each in rebuild(repair=True)] == [Verdict.PRUNED]
    assert await document(database, SESSION_ID) == before


async def test_the_orders_table_learns_of_it(
    database: AnyDatabase, erase: EraseOrder, clock: FixedClock, alarm: SilentAlarm
) -> None:
    database.posting = Posting(is_on=True, includes_foreign=True, has_table=True)
    table = KeptTable()
    keeper = Setting(database, clock, alarm).keep(
        table=table, render=partial(documents_of, database), orders_of=partial(orders_of, database)
    )
    await keeper()
    await record(database, PAID)
    await keeper()
    assert table.rows[SESSION_ID]["customer"] == BUYER

    await erase(SESSION_ID)
    await keeper()

    assert table.rows[SESSION_ID]["customer"] is None


async def test_an_unknown_order_is_not_found(erase: EraseOrder) -> None:
    with pytest.raises(NotFoundError, match="no order with that id"):
        await erase("chk_nobody")
