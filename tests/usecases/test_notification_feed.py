"""The feed's pages and those who wait for the next: one watcher, and bounded places."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence

import pytest

from app.adapters.database.postgres.database import PostgresDatabase
from app.adapters.database.sqlite.database import SqliteDatabase
from app.domain.errors import CursorExpiredError, StorageUnavailableError
from app.usecases.notification_feed import FeedPage, FeedTip, NotificationFeed
from app.usecases.order_document import Document
from app.usecases.outbox import Notification, Position
from tests.support.builders import DEADLINE_S
from tests.support.outbox import new_notification, notify

AnyDatabase = SqliteDatabase | PostgresDatabase
NEVER_S = 60.0


class Source:
    """A database whose looks are counted, and can be made to fail."""

    def __init__(self, database: AnyDatabase) -> None:
        self._database = database
        self.looks = 0
        self.has_looked = asyncio.Event()
        self.fails = False
        self.is_held_back = False

    async def feed_page(self, after: Position | None, *, limit: int) -> FeedPage | None:
        return await self._database.feed_page(after, limit=limit)

    async def feed_tip(self) -> FeedTip:
        self.looks += 1
        self.has_looked.set()
        if self.fails:
            raise StorageUnavailableError("down")
        tip = await self._database.feed_tip()
        return FeedTip(position=tip.position, is_held_back=self.is_held_back)

    async def look(self) -> None:
        """Until the watcher has looked once more."""
        self.has_looked.clear()
        await asyncio.wait_for(self.has_looked.wait(), DEADLINE_S)


async def render(notifications: Sequence[Notification]) -> Mapping[str, Document]:
    """Documents that tell no more than the number; of the number 9 there is no order."""
    return {each.id: {"n": each.id[-1]} for each in notifications if each.id[-1] != "9"}


@pytest.fixture
def source(database: AnyDatabase) -> Source:
    return Source(database)


def feed_of(source: Source, *, places_max: int = 10, tick_s: float = NEVER_S) -> NotificationFeed:
    return NotificationFeed(source=source, render=render, places_max=places_max, tick_s=tick_s)


@pytest.fixture
async def feed(source: Source) -> AsyncIterator[NotificationFeed]:
    """One that looks when it is told of a change, or begins to be waited for."""
    feed = feed_of(source)
    running = asyncio.create_task(feed.run())
    yield feed
    running.cancel()


async def numbers(feed: NotificationFeed, after: Position | None = None, **more: float) -> str:
    shown, _ = await feed.page(after, limit=10, **more)
    return "".join(document["n"] for _, document in shown)


def waiting(
    feed: NotificationFeed, after: Position | None = None, wait_s: float = NEVER_S
) -> asyncio.Task[str]:
    return asyncio.create_task(numbers(feed, after, wait_s=wait_s))


async def until_waiting(feed: NotificationFeed, source: Source, count: int) -> None:
    """Until so many wait, and the watcher has nothing left to do."""
    async with asyncio.timeout(DEADLINE_S):
        while feed.waiting < count or not source.looks:  # noqa: ASYNC110 nobody tells of it
            await asyncio.sleep(0.001)


async def test_a_page_holds_ids_and_documents(database: AnyDatabase, source: Source) -> None:
    await notify(database, new_notification(1), new_notification(2))

    shown, go_on = await feed_of(source).page(None, limit=1)

    assert shown == [(new_notification(1).id, {"n": "1"})]
    assert await numbers(feed_of(source), go_on) == "2"


async def test_one_without_an_order_is_passed_over(database: AnyDatabase, source: Source) -> None:
    await notify(database, new_notification(9), new_notification(2))

    assert await numbers(feed_of(source)) == "2"


async def test_a_position_that_is_not_kept_is_refused(source: Source) -> None:
    with pytest.raises(CursorExpiredError):
        await feed_of(source).page(Position(7, 7), limit=1)


async def test_what_is_there_is_shown_without_waiting(
    database: AnyDatabase, feed: NotificationFeed, source: Source
) -> None:
    await notify(database, new_notification())

    assert await numbers(feed, wait_s=NEVER_S) == "1"
    assert source.looks == 0


async def test_all_who_wait_hear_of_a_commit_with_one_look(
    database: AnyDatabase, feed: NotificationFeed, source: Source
) -> None:
    readers = [waiting(feed) for _ in range(5)]
    await until_waiting(feed, source, 5)
    looks = source.looks

    await notify(database, new_notification())
    feed.changed()

    assert await asyncio.wait_for(asyncio.gather(*readers), DEADLINE_S) == ["1"] * 5
    assert source.looks == looks + 1
    assert feed.waiting == 0


async def test_a_commit_of_another_process_is_seen_at_a_tick(
    database: AnyDatabase, source: Source
) -> None:
    feed = feed_of(source, tick_s=0.01)
    running = asyncio.create_task(feed.run())
    reader = waiting(feed)
    await source.look()

    await notify(database, new_notification())

    assert await asyncio.wait_for(reader, DEADLINE_S) == "1"
    running.cancel()


async def test_a_look_that_fails_is_followed_by_another(
    database: AnyDatabase, source: Source
) -> None:
    feed = feed_of(source, tick_s=0.01)
    running = asyncio.create_task(feed.run())
    source.fails = True
    reader = waiting(feed)
    await source.look()
    await source.look()

    source.fails = False
    await notify(database, new_notification())

    assert await asyncio.wait_for(reader, DEADLINE_S) == "1"
    running.cancel()


async def test_what_is_held_back_is_looked_for_again_at_once(
    feed: NotificationFeed, source: Source
) -> None:
    """Its tick is a minute, so only this can bring a second look."""
    source.is_held_back = True
    reader = waiting(feed)
    await source.look()

    await source.look()

    reader.cancel()


async def looks_take_s(source: Source, count: int) -> float:
    """Return how long so many more looks take."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    for _ in range(count):
        await source.look()
    return loop.time() - began_s


async def test_what_stays_held_back_is_looked_for_less_and_less_often(
    feed: NotificationFeed, source: Source
) -> None:
    source.is_held_back = True
    reader = waiting(feed)
    await source.look()

    assert await looks_take_s(source, 5) > 0.6  # 20, 40, 80, 160 and 320 ms

    reader.cancel()


async def test_what_moves_on_while_it_is_held_back_is_looked_for_at_once_again(
    database: AnyDatabase, feed: NotificationFeed, source: Source
) -> None:
    source.is_held_back = True
    reader = waiting(feed)
    await source.look()
    await looks_take_s(source, 5)
    await notify(database, new_notification())
    assert await asyncio.wait_for(reader, DEADLINE_S) == "1"

    again = waiting(feed, (await database.feed_tip()).position)
    assert await looks_take_s(source, 2) < 1.2  # not 640 ms and a second

    again.cancel()


async def test_who_has_waited_long_enough_gets_an_empty_page(
    feed: NotificationFeed, source: Source
) -> None:
    """Longer than to read the first page takes, after which the wait begins."""
    assert await numbers(feed, wait_s=0.5) == ""
    assert source.looks == 1
    assert feed.waiting == 0


async def test_nobody_waits_where_all_places_are_taken(source: Source) -> None:
    feed = feed_of(source, places_max=1)
    running = asyncio.create_task(feed.run())
    reader = waiting(feed)
    await source.look()

    assert await asyncio.wait_for(numbers(feed, wait_s=NEVER_S), DEADLINE_S) == ""
    assert not reader.done()
    running.cancel()
    reader.cancel()


async def test_one_who_leaves_frees_the_place_and_the_others_wait_on(
    database: AnyDatabase, feed: NotificationFeed, source: Source
) -> None:
    one, other = waiting(feed), waiting(feed)
    await until_waiting(feed, source, 2)

    one.cancel()
    await asyncio.wait([one])
    assert feed.waiting == 1
    await notify(database, new_notification())
    feed.changed()

    assert await asyncio.wait_for(other, DEADLINE_S) == "1"


async def test_the_end_lets_everybody_go(feed: NotificationFeed, source: Source) -> None:
    reader = waiting(feed)
    await source.look()

    feed.close()

    assert await asyncio.wait_for(reader, DEADLINE_S) == ""
    assert await asyncio.wait_for(numbers(feed, wait_s=NEVER_S), DEADLINE_S) == ""
