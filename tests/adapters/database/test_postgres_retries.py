"""PostgreSQL only: operations that run again, and connections that are lost."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from app.adapters.database.postgres.database import ATTEMPTS, PostgresDatabase
from app.adapters.database.postgres.transaction import PostgresTransaction
from app.domain.errors import (
    CommitInDoubtError,
    RowsRefusedError,
    StorageUnavailableError,
)
from app.usecases.ports import AlertName
from app.usecases.storage import Transaction
from tests.support.backends import eventually, kill_backends
from tests.support.builders import SESSION_ID, SilentAlarm
from tests.support.postgres_server import fetch
from tests.support.stores import EVENT, PAYMENT, add_event, put, save_payment


@pytest.fixture
async def database(postgres_url: str, alarm: SilentAlarm) -> AsyncIterator[PostgresDatabase]:
    database = PostgresDatabase(postgres_url, alarm, pool_size=3)
    yield database
    await database.close()


async def test_after_a_deadlock_both_operations_run_again_and_commit(
    database: PostgresDatabase,
) -> None:
    both_hold_one = asyncio.Barrier(2)
    tries = 0

    async def act(transaction: Transaction, first: str, second: str) -> None:
        nonlocal tries
        tries += 1
        await transaction.lock([first])
        if tries <= 2:
            await both_hold_one.wait()
        await transaction.lock([second])
        await transaction.commit()

    await asyncio.gather(
        database.write(lambda transaction: act(transaction, "pi_1", "pi_2")),
        database.write(lambda transaction: act(transaction, "pi_2", "pi_1")),
    )

    assert tries == 3


async def test_an_act_that_never_succeeds_is_given_up_after_a_few_tries(
    database: PostgresDatabase, alarm: SilentAlarm
) -> None:
    tries = 0

    async def act(transaction: Transaction) -> None:
        nonlocal tries
        tries += 1
        assert isinstance(transaction, PostgresTransaction)
        await transaction.execute("DO 'BEGIN RAISE serialization_failure; END'")

    with pytest.raises(StorageUnavailableError, match="cannot be written"):
        await database.write(act)

    assert tries == ATTEMPTS
    assert alarm.names == [AlertName.STORAGE_UNAVAILABLE]


async def test_connections_that_were_lost_while_idle_are_noticed_by_nobody(
    database: PostgresDatabase, postgres_url: str
) -> None:
    await asyncio.gather(*(database.write_heartbeat(n) for n in range(3)))
    assert await kill_backends(postgres_url) == 3

    await database.write_heartbeat(3)
    await kill_backends(postgres_url)
    assert await database.find_payment(SESSION_ID) is None


async def test_a_connection_that_is_lost_in_the_middle_of_an_act_is_replaced(
    database: PostgresDatabase, postgres_url: str
) -> None:
    tries = 0

    async def act(transaction: Transaction) -> None:
        nonlocal tries
        tries += 1
        await put(transaction, EVENT)
        if tries == 1:
            await kill_backends(postgres_url)
        await transaction.commit()

    await database.write(act)

    assert tries == 2
    assert await fetch(postgres_url, "SELECT id FROM events") == [{"id": EVENT.id}]


async def test_a_connection_that_is_lost_during_the_commit_is_not_tried_again(
    database: PostgresDatabase, postgres_url: str, alarm: SilentAlarm
) -> None:
    """Nobody knows whether it was committed; who sent the event sends it again, and we do know."""
    await fetch(postgres_url, "CREATE TABLE held (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)")
    blocker = await asyncpg.connect(postgres_url)
    await blocker.execute("BEGIN; INSERT INTO held VALUES (1)")
    tries = 0

    async def act(transaction: Transaction) -> None:
        nonlocal tries
        tries += 1
        assert isinstance(transaction, PostgresTransaction)
        await transaction.execute("INSERT INTO held VALUES (1)")  # its check waits until COMMIT
        await transaction.commit()

    writing = asyncio.create_task(database.write(act))
    committing = "SELECT 1 FROM pg_stat_activity WHERE query = 'COMMIT' AND state = 'active'"
    await eventually(lambda: fetch(postgres_url, committing))
    await kill_backends(postgres_url)

    with pytest.raises(CommitInDoubtError, match="lost during the commit"):
        await writing
    assert tries == 1
    assert alarm.names == [AlertName.STORAGE_UNAVAILABLE]
    await blocker.close()


async def test_a_constraint_that_is_checked_at_the_commit_refuses_the_rows(
    database: PostgresDatabase, postgres_url: str
) -> None:
    await fetch(postgres_url, "CREATE TABLE held (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)")

    async def act(transaction: Transaction) -> None:
        assert isinstance(transaction, PostgresTransaction)
        await transaction.execute("INSERT INTO held VALUES (1), (1)")
        await transaction.commit()

    with pytest.raises(RowsRefusedError):
        await database.write(act)

    await database.write(add_event)


async def test_a_commit_after_a_failed_statement_is_no_commit(database: PostgresDatabase) -> None:
    async def act(transaction: Transaction) -> None:
        assert isinstance(transaction, PostgresTransaction)
        with pytest.raises(asyncpg.UndefinedTableError):
            await transaction.execute("SELECT FROM nowhere")
        await transaction.commit()

    with pytest.raises(StorageUnavailableError, match="rolled back"):
        await database.write(act)


async def test_a_schema_that_changes_under_us_is_met_with_new_statements(
    database: PostgresDatabase, postgres_url: str
) -> None:
    await database.write(save_payment)
    assert await database.find_payment(SESSION_ID) == PAYMENT
    await fetch(postgres_url, "ALTER TABLE payments ALTER COLUMN version TYPE numeric")
    await fetch(postgres_url, "ALTER TABLE payments ALTER COLUMN version TYPE bigint")

    assert await database.find_payment(SESSION_ID) == PAYMENT
    await database.write(save_payment)
