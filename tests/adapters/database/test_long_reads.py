"""Lists and searches of orders keep no other read and no write waiting, on either database."""

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from app.adapters.database.postgres import database as postgres_database
from app.adapters.database.postgres.database import POOL_SIZE, PostgresDatabase
from app.adapters.database.sqlite.database import SqliteDatabase
from app.databases import AnyDatabase
from app.domain.errors import NotFoundError, StorageUnavailableError
from app.usecases.find_orders import FindOrders
from app.usecases.orders import OrderBook, OrderFilter
from app.usecases.read_orders import ReadOrders
from tests.support.backends import eventually
from tests.support.builders import DEADLINE_S, SESSION_ID
from tests.support.sqlite_files import HASTE_S


@pytest.fixture(params=["sqlite", "postgres"])
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class Lists:
    """Lists that end when they are told to; `begun` have begun."""

    def __init__(self, database: AnyDatabase) -> None:
        self._database = database
        self._may_end, self._threads_may_end = asyncio.Event(), threading.Event()
        self.begun = 0
        self.asked: list[asyncio.Task[None]] = []

    async def begin(self, asked: int) -> None:
        """Ask for some lists, and return when at least one has begun."""
        self.asked += [
            asyncio.create_task(self._database.list_orders(self._look)) for _ in range(asked)
        ]

        async def has_begun() -> bool:
            return self.begun > 0

        await eventually(has_begun)

    async def end(self) -> None:
        """Let all end."""
        self._may_end.set()
        self._threads_may_end.set()
        await asyncio.wait(self.asked)

    async def _look(self, _: OrderBook) -> None:
        self.begun += 1
        if isinstance(self._database, SqliteDatabase):
            self._threads_may_end.wait(DEADLINE_S)
        else:
            await self._may_end.wait()


@pytest.fixture
async def lists(database: AnyDatabase) -> AsyncIterator[Lists]:
    lists = Lists(database)
    yield lists
    await lists.end()


async def test_no_short_read_and_no_write_waits_for_lists(
    database: AnyDatabase, lists: Lists
) -> None:
    await lists.begin(2 * POOL_SIZE)

    for _ in range(3):
        found = await asyncio.gather(*(database.find_payment(SESSION_ID) for _ in range(5)))
        assert found == [None] * 5
        await asyncio.gather(*(database.write_heartbeat(n) for n in range(5)))
    with pytest.raises(NotFoundError):
        await ReadOrders(database=database).one(SESSION_ID)

    assert not any(each.done() for each in lists.asked)


async def test_pages_and_searches_are_lists_and_wait_for_their_turn(
    database: AnyDatabase, lists: Lists
) -> None:
    await lists.begin(2 * POOL_SIZE)
    page = asyncio.create_task(ReadOrders(database=database).page(OrderFilter(), None, limit=5))
    search = asyncio.create_task(FindOrders(database=database)("order-1"))
    await database.find_payment(SESSION_ID)
    assert not page.done()
    assert not search.done()

    await lists.end()

    assert not any(each.exception() for each in lists.asked)
    assert (await page).orders == (await search).orders == []


async def test_a_list_that_is_not_waited_for_any_more_leaves_its_turn_to_others(
    database: AnyDatabase, lists: Lists
) -> None:
    await lists.begin(2 * POOL_SIZE)
    for each in lists.asked:
        each.cancel()
    await asyncio.wait(lists.asked)
    await lists.end()

    await database.list_orders(_nothing)


async def test_a_list_that_waits_too_long_is_refused_and_leaves_the_others_alone(
    database: AnyDatabase, lists: Lists, monkeypatch: pytest.MonkeyPatch
) -> None:
    if isinstance(database, PostgresDatabase):
        await lists.begin(POOL_SIZE)  # with all the time they need
        monkeypatch.setattr(postgres_database, "ACT_TIMEOUT_S", HASTE_S)
    else:
        await lists.begin(1)
        monkeypatch.setattr(database, "_act_timeout_s", HASTE_S)

    with pytest.raises(StorageUnavailableError) as refused:
        await database.list_orders(_nothing)

    assert refused.value.reason == "the database was busy"
    assert not lists.asked[0].done()


async def _nothing(_: OrderBook) -> None:
    return None
