"""The feed on every database: one order, no gap, and no silence about what is gone."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from app.adapters.database.postgres.database import PostgresDatabase
from app.adapters.database.postgres.numbering import continue_numbers
from app.adapters.database.sqlite.database import SqliteDatabase
from app.domain.fold.outcome import Outcome
from app.usecases.notification_feed import FeedPage, FeedTip
from app.usecases.outbox import NotificationQuery, Position
from app.usecases.storage import Transaction
from tests.support.builders import query
from tests.support.outbox import NOW_MS, POSTED, ended, lease, new_notification, notify

if TYPE_CHECKING:
    from app.adapters.database.transaction import SqlTransaction

AnyDatabase = SqliteDatabase | PostgresDatabase
EVERYTHING = 100


@pytest.fixture(params=["sqlite", "postgres"])
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def page_of(
    database: AnyDatabase, after: Position | None = None, *, limit: int = EVERYTHING
) -> FeedPage:
    page = await database.feed_page(after, limit=limit)
    assert page is not None
    return page


def numbers(page: FeedPage) -> str:
    return "".join(each.id[-1] for each in page.notifications)


async def prune(database: AnyDatabase, *, before_ms: int, limit: int = EVERYTHING) -> int:
    async def forget(transaction: Transaction) -> int:
        pruned = await transaction.prune_notifications(before_ms=before_ms, limit=limit)
        await transaction.commit()
        return pruned

    return await database.write(forget)


# --- pages


async def test_an_empty_feed_has_a_position_to_go_on_from(database: AnyDatabase) -> None:
    empty = await page_of(database)
    await notify(database, new_notification())

    assert numbers(empty) == ""
    assert numbers(await page_of(database, empty.next)) == "1"


async def test_pages_follow_each_other_the_oldest_first(database: AnyDatabase) -> None:
    await notify(database, new_notification(1), new_notification(2))
    await notify(database, new_notification(3))

    first = await page_of(database, limit=2)
    second = await page_of(database, first.next, limit=2)
    third = await page_of(database, second.next, limit=2)

    assert [numbers(page) for page in (first, second, third)] == ["12", "3", ""]
    assert third.next == second.next == (await database.feed_tip()).position


async def test_the_tip_of_an_empty_feed_is_where_it_begins(database: AnyDatabase) -> None:
    tip = await database.feed_tip()

    assert (tip.position, tip.is_held_back) == (Position(0, 0), False)


# --- what commits late


class Slow:
    """A transaction that stops before it writes a notification, and again before it commits."""

    def __init__(self, database: AnyDatabase, number: int, *, fails: bool = False) -> None:
        self._number, self._fails = number, fails
        self._may_write, self._may_end = asyncio.Event(), asyncio.Event()
        self._has_begun, self._has_written = asyncio.Event(), asyncio.Event()
        self._task = asyncio.create_task(database.write(self._act))

    async def _act(self, transaction: Transaction) -> None:
        await cast("SqlTransaction", transaction).write_heartbeat(
            self._number
        )  # it has a number from here on
        self._has_begun.set()
        await self._may_write.wait()
        new = [new_notification(self._number)]
        await transaction.record((), Outcome(notifications=new))
        self._has_written.set()
        await self._may_end.wait()
        if not self._fails:
            await transaction.commit()

    async def begin(self) -> None:
        await self._has_begun.wait()

    async def write(self) -> None:
        self._may_write.set()
        await self._has_written.wait()

    async def end(self) -> None:
        self._may_end.set()
        await self._task


@pytest.mark.parametrize("database_kind", ["postgres"])
@pytest.mark.parametrize("fails", [False, True])
async def test_two_slow_transactions_make_no_reader_skip_anything(
    database: AnyDatabase, *, fails: bool
) -> None:
    first = Slow(database, 1, fails=fails)
    await first.begin()
    await first.write()
    await notify(database, new_notification(2))  # committed after it, and before it ends

    early = await page_of(database)
    tip = await database.feed_tip()
    assert (numbers(early), tip.position, tip.is_held_back) == ("", early.next, True)

    await first.end()

    late = await page_of(database, early.next)
    assert numbers(late) == ("2" if fails else "12")
    assert await database.feed_tip() == FeedTip(position=late.next, is_held_back=False)


@pytest.mark.parametrize("database_kind", ["postgres"])
async def test_one_that_began_earlier_and_writes_later_is_not_skipped(
    database: AnyDatabase,
) -> None:
    first = Slow(database, 1)
    await first.begin()
    await notify(database, new_notification(2))
    early = await page_of(database)

    await first.write()
    middle = await page_of(database, early.next)
    await first.end()

    assert numbers(early) + numbers(middle) == ""
    assert numbers(await page_of(database, middle.next)) == "12"


@pytest.mark.parametrize("database_kind", ["postgres"])
async def test_after_a_dump_was_restored_new_ones_come_after_the_kept_ones(
    database: AnyDatabase, database_path: Path
) -> None:
    """Another server's transactions have lower numbers than the rows that were restored."""
    url = database_path.read_text()  # noqa: ASYNC240 a line
    await notify(database, new_notification(1))
    query(database_path, "UPDATE notifications SET tx = 4000000000000")

    continue_numbers(url, name="the test's")
    restored = await page_of(database)
    await notify(database, new_notification(2))

    assert numbers(restored) == "1"
    assert numbers(await page_of(database, restored.next)) == "2"
    continue_numbers(url, name="the test's")
    assert numbers(await page_of(database)) == "12"


# --- what is gone


async def test_what_was_taken_or_never_posted_is_forgotten_in_time(database: AnyDatabase) -> None:
    await notify(database, new_notification(1))
    database.posting = POSTED
    await notify(database, new_notification(2), new_notification(3, at_ms=NOW_MS + 1))
    (taken,) = await lease(database)
    await database.settle_tries([ended(taken)])

    assert await prune(database, before_ms=NOW_MS) == 0
    assert await prune(database, before_ms=NOW_MS + 1) == 2
    assert await prune(database, before_ms=NOW_MS + 1) == 0

    assert numbers(await page_of(database)) == "3"
    assert await database.find_notification(taken.id) is None


async def test_what_waits_is_not_forgotten_but_leaves_the_feed(database: AnyDatabase) -> None:
    database.posting = POSTED
    await notify(database, new_notification(1), new_notification(2))
    page = await page_of(database, limit=1)

    assert await prune(database, before_ms=NOW_MS + 1) == 0

    assert numbers(await page_of(database)) == ""
    assert await database.feed_page(page.next, limit=1) is None
    leased = await lease(database)
    await database.settle_tries([ended(each) for each in leased])
    assert await prune(database, before_ms=0) == 2
    assert await database.list_notifications(NotificationQuery()) == []


async def test_a_reader_behind_what_is_kept_learns_of_it_and_one_at_the_end_goes_on(
    database: AnyDatabase,
) -> None:
    await notify(database, *(new_notification(number) for number in (1, 2, 3)))
    behind, at_the_end = await page_of(database, limit=1), await page_of(database)

    assert await prune(database, before_ms=NOW_MS + 1, limit=2) == 2
    assert await database.feed_page(behind.next, limit=1) is None
    assert numbers(await page_of(database)) == "3"
    assert await prune(database, before_ms=NOW_MS + 1, limit=2) == 1

    await notify(database, new_notification(4))
    assert numbers(await page_of(database, at_the_end.next)) == "4"


async def test_a_reader_ahead_of_all_that_is_known_learns_of_it(database: AnyDatabase) -> None:
    """As after an older backup was restored."""
    await notify(database, new_notification())
    page = await page_of(database)

    ahead = Position(page.next.tx, page.next.seq + 1)

    assert await database.feed_page(ahead, limit=1) is None
