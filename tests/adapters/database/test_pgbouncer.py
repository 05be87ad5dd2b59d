"""PgBouncer in transaction mode: each transaction may run in another server session.

Three server sessions in turn, with Debian's settings: what one transaction leaves in a session, the
next one does not find, and what it finds is somebody else's.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from app.adapters.database.migrate import SCHEMA_REVISION
from app.adapters.database.postgres.checkup import check_up
from app.adapters.database.postgres.connections import (
    LOCK_TIMEOUT_S,
    Connection,
    PooledConnection,
    connect,
    kind_of,
)
from app.adapters.database.postgres.database import PostgresDatabase
from app.adapters.database.postgres.schema import migrate_postgres, revision_of
from app.adapters.database.postgres.transaction import PostgresTransaction
from app.domain.errors import StorageUnavailableError
from app.usecases.storage import Transaction
from tests.support.builders import FixedClock, SilentAlarm, housekeeping
from tests.support.pgbouncer import pgbouncer_before
from tests.support.postgres_server import fetch
from tests.support.stores import CHECKOUT, add_checkout

SETTINGS = "SELECT current_setting('lock_timeout'), current_setting('enable_seqscan')"


@pytest.fixture
def pooled_url(postgres_url: str) -> Iterator[str]:
    with pgbouncer_before(postgres_url) as url:
        yield url


@pytest.fixture
async def pooled(pooled_url: str) -> AsyncIterator[PostgresDatabase]:
    database = PostgresDatabase(pooled_url, SilentAlarm())
    yield database
    await database.close()


async def settings_of(transaction: Transaction) -> list[tuple[str, str]]:
    assert isinstance(transaction, PostgresTransaction)
    return [tuple(row) for row in await transaction.fetch(SETTINGS)]


async def test_a_pooler_is_noticed_and_so_is_its_absence(
    postgres_url: str, pooled_url: str
) -> None:
    assert await kind_of(pooled_url) is PooledConnection
    assert await kind_of(postgres_url) is Connection


@pytest.mark.parametrize("mode", ["session", "transaction", "statement"])
async def test_acts_work_or_are_refused_in_each_of_its_modes(postgres_url: str, mode: str) -> None:
    with pgbouncer_before(postgres_url, mode=mode) as url:
        database = PostgresDatabase(url, SilentAlarm())
        try:
            await database.write(add_checkout)
            assert mode != "statement"
            assert await database.find_checkout(CHECKOUT.id) == CHECKOUT
        except StorageUnavailableError:
            assert mode == "statement"  # it allows no transactions at all
        finally:
            await database.close()


async def test_many_acts_at_once_share_few_sessions_and_none_fails(
    pooled: PostgresDatabase, postgres_url: str
) -> None:
    await pooled.write(add_checkout)

    await asyncio.gather(*(pooled.write_heartbeat(number) for number in range(200)))
    found = await asyncio.gather(*(pooled.find_checkout(CHECKOUT.id) for _ in range(200)))

    assert set(found) == {CHECKOUT}
    left = await fetch(
        postgres_url, "SELECT 1 FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"
    )
    assert left == []


async def test_every_transaction_has_our_limits_and_leaves_none(
    pooled: PostgresDatabase, pooled_url: str
) -> None:
    for _ in range(5):
        wanted = [(f"{LOCK_TIMEOUT_S:.0f}s", "off")]
        assert await pooled.write(settings_of) == wanted
        assert await pooled.read(settings_of) == wanted

    other = await connect(pooled_url, PooledConnection)
    for _ in range(5):
        async with other.transaction():
            assert await other.fetchval("SHOW lock_timeout") == "0"
    await other.close()


async def test_housekeeping_works(pooled: PostgresDatabase) -> None:
    rounds = housekeeping(pooled, FixedClock())

    assert [await rounds() for _ in range(5)] == [0] * 5


async def test_the_schema_is_made_looked_at_and_checked(empty_postgres_url: str) -> None:
    with pgbouncer_before(empty_postgres_url) as url:
        for _ in range(2):
            await asyncio.to_thread(migrate_postgres, url, name="the test's")

        assert await asyncio.to_thread(revision_of, url, name="the test's") == SCHEMA_REVISION
        checkup = await asyncio.to_thread(check_up, url)
    assert checkup.wrong_schema is None
    assert checkup.is_durable is not None
