"""PostgreSQL only: limits of time and of connections."""

import asyncio
import time
from collections.abc import AsyncIterator

import asyncpg
import pytest

from app.adapters.database.postgres import connections as postgres_connections
from app.adapters.database.postgres.connections import ACT_TIMEOUT_S, LOCK_TIMEOUT_S
from app.adapters.database.postgres.database import PostgresDatabase
from app.adapters.database.postgres.transaction import PostgresTransaction
from app.domain.errors import (
    StorageUnavailableError,
)
from app.usecases.inbox import WAIT_S
from app.usecases.ports import AlertName
from app.usecases.storage import Transaction
from tests.support.backends import backends, eventually
from tests.support.builders import DEADLINE_S, SESSION_ID, SilentAlarm
from tests.support.postgres_server import fetch
from tests.support.stores import EVENT, add_event, put
from tests.support.wire import closed_port


@pytest.fixture
async def database(postgres_url: str, alarm: SilentAlarm) -> AsyncIterator[PostgresDatabase]:
    database = PostgresDatabase(postgres_url, alarm, pool_size=3)
    yield database
    await database.close()


# --- limits of time


def test_every_wait_ends_before_the_inbox_gives_up() -> None:
    """A hanging server costs the batch under way one act's time, and the batch behind another."""
    assert LOCK_TIMEOUT_S < postgres_connections.STATEMENT_TIMEOUT_S < ACT_TIMEOUT_S
    assert postgres_connections.CONNECT_TIMEOUT_S < ACT_TIMEOUT_S
    assert 2 * ACT_TIMEOUT_S < WAIT_S


async def test_a_lock_that_somebody_holds_is_not_waited_for_for_ever(
    database: PostgresDatabase, postgres_url: str, alarm: SilentAlarm
) -> None:
    await database.write_heartbeat(1)
    stranger = await asyncpg.connect(postgres_url)
    await stranger.execute("BEGIN; LOCK TABLE events")
    began = time.monotonic()

    with pytest.raises(StorageUnavailableError):
        await database.write(add_event)

    assert LOCK_TIMEOUT_S - 0.1 <= time.monotonic() - began < ACT_TIMEOUT_S
    assert alarm.told[0][1].startswith("55P03 ")
    await stranger.execute("ROLLBACK")
    await database.write(add_event)
    await stranger.close()


async def test_a_statement_that_takes_too_long_is_stopped_by_the_server(
    database: PostgresDatabase,
) -> None:
    async def dawdle(transaction: Transaction) -> None:
        assert isinstance(transaction, PostgresTransaction)
        await transaction.execute("SELECT pg_sleep(30)")

    with pytest.raises(StorageUnavailableError) as failed:
        await database.write(dawdle)

    assert failed.value.reason
    assert failed.value.reason.startswith("57014 ")
    await database.write(add_event)


async def test_an_act_of_many_statements_ends_in_time(
    database: PostgresDatabase, postgres_url: str
) -> None:
    async def dawdle(transaction: Transaction) -> None:
        assert isinstance(transaction, PostgresTransaction)
        while True:
            await transaction.execute("SELECT pg_sleep(0.2)")

    began = time.monotonic()
    with pytest.raises(StorageUnavailableError):
        await database.write(dawdle)

    assert time.monotonic() - began < ACT_TIMEOUT_S + 1
    await database.write(add_event)

    async def the_first_connection_has_gone() -> bool:
        return len(await backends(postgres_url)) == 1

    await eventually(the_first_connection_has_gone)


async def test_who_leaves_in_the_middle_leaves_nothing_behind(
    database: PostgresDatabase, postgres_url: str
) -> None:
    is_inside = asyncio.Event()

    async def hang(transaction: Transaction) -> None:
        await put(transaction, EVENT)
        is_inside.set()
        await asyncio.Event().wait()

    writing = asyncio.create_task(database.write(hang))
    await asyncio.wait_for(is_inside.wait(), DEADLINE_S)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing

    await database.write(add_event)
    assert len(await fetch(postgres_url, "SELECT id FROM events")) == 1


# --- connections


async def test_no_more_connections_are_opened_than_the_pool_may_have(
    database: PostgresDatabase, postgres_url: str
) -> None:
    await asyncio.gather(*(database.write_heartbeat(n) for n in range(50)))

    assert 1 <= len(await backends(postgres_url)) <= 3


async def test_a_connection_that_was_idle_for_long_is_not_trusted(
    database: PostgresDatabase, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await database.write_heartbeat(1)
    (before,) = await backends(postgres_url)
    monkeypatch.setattr(postgres_connections, "IDLE_MAX_S", -1)

    await database.write_heartbeat(2)

    assert before not in await backends(postgres_url)


async def test_closing_finishes_what_was_begun_and_lets_the_connections_go(
    postgres_url: str, alarm: SilentAlarm
) -> None:
    database = PostgresDatabase(postgres_url, alarm)
    writing = [asyncio.create_task(database.write_heartbeat(n)) for n in range(10)]
    await asyncio.sleep(0)

    await database.close()

    await asyncio.gather(*writing)

    async def all_have_gone() -> bool:
        return not await backends(postgres_url)

    await eventually(all_have_gone)


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://shop:hunter2@127.0.0.1:{closed_port()}/checkout",
        "postgresql://shop:hunter2@host.invalid/checkout",
        "postgresql:///checkout?host=/nowhere",
    ],
    ids=["refused", "unknown host", "no socket"],
)
async def test_an_unreachable_server_is_reported_at_once_without_the_password(
    url: str, alarm: SilentAlarm
) -> None:
    database = PostgresDatabase(url, alarm)

    with pytest.raises(StorageUnavailableError, match="cannot be written"):
        await database.write(add_event)
    with pytest.raises(StorageUnavailableError, match="cannot be read"):
        await database.find_payment(SESSION_ID)

    assert alarm.names == [AlertName.STORAGE_UNAVAILABLE]
    assert "hunter" not in repr(alarm.told)
    await database.close()
