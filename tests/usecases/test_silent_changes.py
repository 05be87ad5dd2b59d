"""Changes of an order that nobody is notified of: the orders table learns of them all the same."""

import asyncio
from functools import partial

import pytest

from app.adapters.database.postgres.database import PostgresDatabase
from app.adapters.database.sqlite.database import SqliteDatabase
from app.domain.notifications.types import NotificationType
from app.usecases.keep_orders_table import KeepOrdersTable
from app.usecases.notification_document import documents_of, orders_of
from app.usecases.notification_feed import FeedPage, FeedTip, NotificationFeed
from app.usecases.outbox import Notification, NotificationQuery, Position, Posting
from tests.support.builders import CHECKOUT_ID, FixedClock, SilentAlarm, event, session, until
from tests.support.notifying import shown
from tests.support.orders_table import KeptTable, Setting
from tests.support.outbox import NOW_MS, new_notification, notify
from tests.support.readings import COMPLETED
from tests.support.recording import checkout, keep, prune, record
from tests.support.stripe_objects import payment_intent

AnyDatabase = SqliteDatabase | PostgresDatabase
BUYER = {"email": "buyer@example.com", "name": "B. Uyer", "phone": None, "address": None}
PAID = event(COMPLETED, session(customer_details=BUYER), id="evt_paid")
WITHOUT_NOTICE = event("payment_intent.succeeded", payment_intent(), id="evt_silent")


@pytest.fixture
def database(database: AnyDatabase) -> AnyDatabase:
    database.posting = Posting(is_on=True, includes_foreign=True, has_table=True)
    return database


@pytest.fixture
def table() -> KeptTable:
    return KeptTable()


@pytest.fixture
async def keeper(
    database: AnyDatabase, table: KeptTable, clock: FixedClock, alarm: SilentAlarm
) -> KeepOrdersTable:
    keeper = Setting(database, clock, alarm).keep(
        table=table,
        render=partial(documents_of, database),
        orders_of=partial(orders_of, database),
    )
    await keeper()  # it begins with what comes next
    return keeper


async def paid_and_written(
    database: AnyDatabase, keeper: KeepOrdersTable, table: KeptTable
) -> None:
    await keep(database, checkout())
    await record(database, PAID)
    await keeper()
    assert table.rows[CHECKOUT_ID]["status"] == "paid"


async def test_a_change_without_a_notification_is_written(
    database: AnyDatabase, keeper: KeepOrdersTable, table: KeptTable
) -> None:
    await paid_and_written(database, keeper, table)
    before = table.rows[CHECKOUT_ID]

    await record(database, WITHOUT_NOTICE)
    await keeper()

    assert table.rows[CHECKOUT_ID]["version"] > before["version"]


async def test_personal_data_that_is_no_longer_kept_leaves_the_table(
    database: AnyDatabase, keeper: KeepOrdersTable, table: KeptTable
) -> None:
    await paid_and_written(database, keeper, table)
    assert table.rows[CHECKOUT_ID]["customer"] == BUYER

    await prune(database, 1)
    await keeper()

    assert table.rows[CHECKOUT_ID]["customer"] is None


class Counted:
    """A database whose pages are counted."""

    def __init__(self, database: AnyDatabase) -> None:
        self._database = database
        self.pages = 0

    async def feed_page(self, after: Position | None, *, limit: int) -> FeedPage | None:
        self.pages += 1
        return await self._database.feed_page(after, limit=limit)

    async def feed_tip(self) -> FeedTip:
        return await self._database.feed_tip()


async def test_without_a_table_a_silent_change_is_not_stored(database: AnyDatabase) -> None:
    database.posting = Posting(is_on=True, includes_foreign=True)
    await record(database, PAID)
    await record(database, WITHOUT_NOTICE)
    await prune(database, 2)

    assert [each.type for each in await all_of_the_table(database)] == ["order.paid"]


async def test_receivers_readers_and_operators_see_no_silent_change(database: AnyDatabase) -> None:
    await record(database, PAID)
    await record(database, WITHOUT_NOTICE)
    await prune(database, 2)
    paid, *silent = await all_of_the_table(database)

    page = await page_of(database)
    assert [each.id for each in page.notifications] == [paid.id]
    assert page.next == silent[-1].position  # so a reader does not wait for what is past
    assert [each.id for each in await database.list_notifications(NotificationQuery(limit=9))] == [
        paid.id
    ]
    assert [each.type for each in silent] == [NotificationType.CHANGED] * 2
    for each in silent:
        assert each.due_at_ms is None
        assert await database.find_notification(each.id) is None
        assert not await database.resend_notification(each.id, at_ms=NOW_MS)


async def test_a_full_page_goes_on_after_its_last_notification(database: AnyDatabase) -> None:
    silent = {"type": NotificationType.CHANGED}
    await notify(database, new_notification(1), new_notification(2, **silent), new_notification(3))

    first = await database.feed_page(None, limit=1)
    assert first is not None
    second = await database.feed_page(first.next, limit=1)
    assert second is not None
    assert [*first.notifications, *second.notifications] == [
        each for each in await all_of_the_table(database) if each.type.is_public
    ]


async def test_a_silent_change_ends_nobodys_waiting(database: AnyDatabase) -> None:
    source = Counted(database)
    feed = NotificationFeed(source=source, render=shown, tick_s=0.01)
    running = asyncio.create_task(feed.run())
    after = (await page_of(database)).next
    reader = asyncio.create_task(feed.page(after, limit=10, wait_s=1_000))
    await until(lambda: feed.waiting == 1)

    await notify(database, new_notification(1, type=NotificationType.CHANGED))
    await until(lambda: source.pages == 2)  # woken, and waiting again
    await notify(database, new_notification(2))

    (found, _), *more = (await reader)[0]
    assert (found, more) == (new_notification(2).id, [])
    running.cancel()


async def all_of_the_table(database: AnyDatabase) -> list[Notification]:
    page = await database.table_page(None, limit=100)
    assert page is not None
    return [*page.notifications]


async def page_of(database: AnyDatabase) -> FeedPage:
    page = await database.feed_page(None, limit=100)
    assert page is not None
    return page
