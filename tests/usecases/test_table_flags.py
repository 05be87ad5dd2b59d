"""The orders table agrees with the API when a flag comes or goes without an event of its own."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from app.adapters.database.postgres.database import PostgresDatabase
from app.adapters.database.sqlite.database import SqliteDatabase
from app.usecases.notification_document import documents_of, orders_of
from app.usecases.outbox import Posting
from app.usecases.read_orders import ReadOrders
from app.usecases.rebuild_payments import RebuildPayments
from app.usecases.replay_events import ReplayEvents
from tests.support.builders import CHECKOUT_ID, FixedClock, SilentAlarm, event, query, session
from tests.support.flag_shop import ELSEWHERE, TWIN_ID, Shop, numbered
from tests.support.orders_table import KeptTable, Setting
from tests.support.recording import keep
from tests.support.stripe_objects import charge, refund

pytestmark = pytest.mark.anyio
AnyDatabase = SqliteDatabase | PostgresDatabase
TWIN_SESSION = "cs_test_twin"
REFUND = {"id": "re_2", "payment_intent": "pi_2", "charge": "ch_2"}
REFUNDED = event(
    "refund.created", refund(amount=session()["amount_total"], **REFUND), id="evt_refunded"
)
ODD = event("charge.updated", charge(amount_refunded="unheard of"), id="evt_odd")


class Kept:
    """A shop whose orders table is kept."""

    def __init__(self, database: AnyDatabase, clock: FixedClock, alarm: SilentAlarm) -> None:
        database.posting = Posting(is_on=True, includes_foreign=True, has_table=True)
        self.database, self.table, self.shop = database, KeptTable(), Shop(database)
        self.keeper = Setting(database, clock, alarm).keep(
            table=self.table,
            render=partial(documents_of, database),
            orders_of=partial(orders_of, database),
        )

    async def hear(self, *documents: dict[str, Any]) -> None:
        await self.shop.hear(*documents)
        await self.shop.tell.sweep("")

    async def flags(self, order_id: str) -> list[str]:
        """The order's flags in the table, where its row is the API's document."""
        await self.keeper()
        found = await ReadOrders(database=self.database).one(order_id)
        row = self.table.rows[order_id]
        assert row == found.document
        flags: list[str] = row["flags"]
        return flags


@pytest.fixture
async def kept(database: AnyDatabase, clock: FixedClock, alarm: SilentAlarm) -> Kept:
    kept = Kept(database, clock, alarm)
    await kept.keeper()  # it begins with what comes next
    return kept


@pytest.mark.parametrize("twin_session", [TWIN_SESSION, None])
async def test_the_other_order_is_written_when_a_second_payment_is_refunded_and_when_that_fails(
    kept: Kept, twin_session: str | None
) -> None:
    twin = numbered(TWIN_ID, twin_session)
    await keep(kept.database, numbered(), twin)
    url = ELSEWHERE if twin_session else f"{ELSEWHERE}?checkout_id={TWIN_ID}"
    paid = session(id=TWIN_SESSION, payment_intent="pi_2", success_url=url)
    await kept.hear(event(subject=session(success_url=ELSEWHERE)), event(subject=paid, id="evt_2"))
    assert await kept.flags(CHECKOUT_ID) == await kept.flags(TWIN_ID) == ["paid_twice"]

    await kept.hear(REFUNDED)
    assert await kept.flags(CHECKOUT_ID) == await kept.flags(TWIN_ID) == []

    failed = refund(amount=session()["amount_total"], status="failed", **REFUND)
    await kept.hear(event("refund.failed", failed, id="evt_failed"))
    assert await kept.flags(CHECKOUT_ID) == await kept.flags(TWIN_ID) == ["paid_twice"]


async def test_an_order_without_second_payment_is_written_once(kept: Kept) -> None:
    await keep(kept.database, numbered())

    await kept.hear(event())

    assert await kept.flags(CHECKOUT_ID) == []
    page = await kept.database.table_page(None, limit=10)
    assert page is not None
    assert [each.type for each in page.notifications] == ["order.paid"]


async def test_an_order_that_is_not_paid_concerns_no_other(kept: Kept) -> None:
    await keep(kept.database, numbered(), numbered(TWIN_ID, TWIN_SESSION))

    unpaid = session(payment_status="unpaid", payment_intent=None)
    await kept.hear(event("checkout.session.expired", unpaid))

    assert await kept.flags(CHECKOUT_ID) == []
    page = await kept.database.table_page(None, limit=10)
    assert page is not None
    assert {each.order_id for each in page.notifications} == {CHECKOUT_ID}


async def test_an_order_is_written_when_a_failed_event_comes_again_and_is_understood(
    kept: Kept,
) -> None:
    await keep(kept.database, numbered())
    await kept.hear(event(), event("charge.updated", charge(), id="evt_c"), ODD)
    assert await kept.flags(CHECKOUT_ID) == ["event_failed"]

    await kept.hear(event("charge.updated", charge(), id="evt_odd"))

    assert await kept.flags(CHECKOUT_ID) == []


async def test_an_order_is_written_when_a_failed_event_is_understood_by_a_newer_version(
    kept: Kept, database_path: Path, clock: FixedClock
) -> None:
    await keep(kept.database, numbered())
    await kept.hear(event())
    await kept.hear(event("charge.updated", charge(), id="evt_odd"))
    clock.ms += 1
    query(database_path, "UPDATE events SET state = 'failed', reason = 'x' WHERE id = 'evt_odd'")
    await kept.hear(event("charge.updated", charge(), id="evt_other"))
    assert await kept.flags(CHECKOUT_ID) == ["event_failed"]

    replay = ReplayEvents(
        database=kept.database, clock=clock, alarm=SilentAlarm(), on_change=lambda _: None
    )
    await replay(["evt_odd"])
    assert await kept.flags(CHECKOUT_ID) == []

    await replay(["evt_odd"])  # changes nothing, so nothing is written
    upserts = len(kept.table.upserts)
    await kept.flags(CHECKOUT_ID)
    assert len(kept.table.upserts) == upserts


async def test_an_order_is_written_when_its_payment_is_corrected(
    kept: Kept, database_path: Path
) -> None:
    await keep(kept.database, numbered())
    await kept.hear(event())
    await kept.flags(CHECKOUT_ID)
    query(database_path, "UPDATE payments SET facts = '{}', status = 'open'")

    rebuild = RebuildPayments(database=kept.database, clock=FixedClock())
    _ = [each async for each in rebuild(repair=True)]

    assert await kept.flags(CHECKOUT_ID) == []
