"""PostgreSQL only: errors, time limits, connections. test_database.py has the rest."""

import inspect
from collections.abc import AsyncIterator
from dataclasses import replace

import asyncpg
import pytest
from asyncpg import exceptions as asyncpg_exceptions

from app.adapters.database.postgres.database import PostgresDatabase
from app.adapters.database.postgres.errors import DRIVER_ERRORS, failure_of
from app.adapters.database.postgres.locks import LOCK_STRIPES
from app.adapters.database.postgres.transaction import PostgresTransaction
from app.domain.errors import (
    ActTooLargeError,
    RowsRefusedError,
    StorageUnavailableError,
    is_storage_down,
)
from app.domain.fold.records import Mention
from app.usecases.storage import Transaction
from tests.support.builders import SilentAlarm
from tests.support.postgres_server import fetch
from tests.support.stores import EVENT, add_event, put


@pytest.fixture
async def database(postgres_url: str, alarm: SilentAlarm) -> AsyncIterator[PostgresDatabase]:
    database = PostgresDatabase(postgres_url, alarm, pool_size=3)
    yield database
    await database.close()


# --- every error of the driver is ours


def errors_of_the_driver() -> list[type[BaseException]]:
    found = [
        error
        for _, error in inspect.getmembers(asyncpg_exceptions, inspect.isclass)
        if issubclass(error, BaseException) and not issubclass(error, Warning)
    ]
    assert len(found) > 200
    return found


@pytest.mark.parametrize("kind", errors_of_the_driver(), ids=lambda kind: kind.__name__)
def test_every_error_of_the_driver_is_caught_and_becomes_ours(kind: type[BaseException]) -> None:
    assert issubclass(kind, DRIVER_ERRORS)

    failure = failure_of(kind("words"), "Please try again.")

    assert isinstance(failure, StorageUnavailableError)
    is_about_rows = issubclass(kind, asyncpg.DataError | asyncpg.IntegrityConstraintViolationError)
    if is_about_rows:
        assert isinstance(failure, RowsRefusedError)
    assert (failure.__cause__ is None) == isinstance(failure, RowsRefusedError)


def test_an_error_without_a_message_still_has_a_reason() -> None:
    assert failure_of(TimeoutError(), "").reason == "no answer in time"
    assert failure_of(ConnectionResetError(), "").reason == "ConnectionResetError()"


def test_a_server_without_memory_for_so_much_is_not_called_down() -> None:
    failure = failure_of(asyncpg.OutOfMemoryError("out of shared memory"), "")

    assert isinstance(failure, ActTooLargeError)
    assert not is_storage_down(failure)


async def test_only_a_database_that_is_down_alerts(
    database: PostgresDatabase, alarm: SilentAlarm
) -> None:
    async def ask_for_too_much(transaction: Transaction) -> None:
        assert isinstance(transaction, PostgresTransaction)
        raising = "RAISE SQLSTATE ''53200''"
        await transaction.execute(f"DO 'BEGIN {raising}; END'")

    with pytest.raises(ActTooLargeError):
        await database.write(ask_for_too_much)

    assert alarm.told == []


# --- locks


async def test_however_many_ids_are_locked_the_server_keeps_as_many_locks_as_there_are_stripes(
    database: PostgresDatabase, postgres_url: str
) -> None:
    ids = [f"pi_{number}" for number in range(20_000)]

    async def lock(transaction: Transaction) -> int:
        await transaction.lock(ids)
        assert await transaction.lock([f"ch_{number}" for number in range(20_000)], wait=False)
        held = await fetch(
            postgres_url, "SELECT count(*) AS locks FROM pg_locks WHERE locktype = 'advisory'"
        )
        return int(held[0]["locks"])

    assert await database.write(lock) <= LOCK_STRIPES


async def test_ids_that_another_transaction_has_locked_are_not_waited_for_by_who_only_tries(
    database: PostgresDatabase,
) -> None:
    async def hold(transaction: Transaction) -> tuple[bool, bool]:
        await transaction.lock(["pi_1"])

        async def also(other: Transaction) -> tuple[bool, bool]:
            return (
                await other.lock(["pi_2"], wait=False),
                await other.lock(["pi_1", "pi_3"], wait=False),
            )

        return await database.write(also)

    assert await database.write(hold) == (True, False)


# --- rows that PostgreSQL refuses and SQLite takes


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
async def test_text_that_postgresql_cannot_hold_is_refused(
    database: PostgresDatabase, text: str
) -> None:
    async def add(transaction: Transaction) -> None:
        await put(transaction, replace(EVENT, type=text))

    with pytest.raises(RowsRefusedError):
        await database.write(add)

    await database.write(add_event)


async def test_an_id_that_no_index_can_hold_is_refused(database: PostgresDatabase) -> None:
    long_id = "".join(f"{n:x}" for n in range(5000))  # not one that compresses well

    async def mention(transaction: Transaction) -> None:
        await put(transaction, Mention(long_id, "evt_1"))
        await transaction.commit()

    with pytest.raises(RowsRefusedError):
        await database.write(mention)


# --- plans


async def test_a_limit_holds_for_any_table_statistics(
    database: PostgresDatabase, postgres_url: str
) -> None:
    # With the figures of a table whose rows have all gone it once joined, and pruned all.
    await fetch(
        postgres_url,
        "INSERT INTO events (id, type, received_at_ms, state)"
        " SELECT 'evt_' || n, 't', 1, 'folded' FROM generate_series(1, 2000) AS n",
    )
    await fetch(postgres_url, "DELETE FROM events")
    await fetch(postgres_url, "ANALYZE events")

    async def add_three(transaction: Transaction) -> None:
        await put(transaction, *(replace(EVENT, id=f"evt_{number}") for number in range(3)))
        await transaction.commit()

    async def prune_one(transaction: Transaction) -> int:
        pruned = await transaction.prune_payloads(
            before_ms=EVENT.received_at_ms + 1, now_ms=EVENT.received_at_ms + 1, limit=1
        )
        await transaction.commit()
        return pruned

    await database.write(add_three)

    assert [await database.write(prune_one) for _ in range(4)] == [1, 1, 1, 0]
