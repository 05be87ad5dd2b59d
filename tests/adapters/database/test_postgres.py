"""PostgreSQL only: errors, time limits, connections. test_database.py has the rest."""

import asyncio
import inspect
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import asyncpg
import pytest
from asyncpg import exceptions as asyncpg_exceptions

from app.adapters.database.postgres import connections as postgres_connections
from app.adapters.database.postgres.connections import ACT_TIMEOUT_S, LOCK_TIMEOUT_S
from app.adapters.database.postgres.database import ATTEMPTS, PostgresDatabase
from app.adapters.database.postgres.errors import DRIVER_ERRORS, failure_of
from app.adapters.database.postgres.locks import LOCK_STRIPES
from app.adapters.database.postgres.transaction import PostgresTransaction
from app.domain.errors import (
    ActTooLargeError,
    CommitInDoubtError,
    RowsRefusedError,
    StorageUnavailableError,
    is_storage_down,
)
from app.domain.fold.records import Mention
from app.usecases.inbox import WAIT_S
from app.usecases.ports import AlertName
from app.usecases.storage import Transaction
from tests.support.builders import DEADLINE_S, SESSION_ID, SilentAlarm
from tests.support.postgres_server import fetch
from tests.support.stores import EVENT, PAYMENT, add_event, put, save_payment
from tests.support.wire import closed_port


@pytest.fixture
async def database(postgres_url: str, alarm: SilentAlarm) -> AsyncIterator[PostgresDatabase]:
    database = PostgresDatabase(postgres_url, alarm, pool_size=3)
    yield database
    await database.close()


async def backends(url: str) -> list[int]:
    """The server's processes for our connections."""
    rows = await fetch(
        url,
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name = 'altan-checkout'",
    )
    return [row["pid"] for row in rows]


async def kill_backends(url: str) -> int:
    """As an administrator does, or a firewall that forgets: our connections break, idle or not."""
    pids = await backends(url)
    for pid in pids:
        await fetch(url, "SELECT pg_terminate_backend($1, 5000)", pid)
    return len(pids)


async def eventually(condition: Callable[[], Awaitable[object]]) -> None:
    """Wait for what the server does in its own time."""
    async with asyncio.timeout(DEADLINE_S):
        while not await condition():  # noqa: ASYNC110 nothing there could set an event
            await asyncio.sleep(0.01)


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


# --- acts that are run anew


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
    await asyncio.gather(*(database.beat(n) for n in range(3)))
    assert await kill_backends(postgres_url) == 3

    await database.beat(3)
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


# --- limits of time


def test_every_wait_ends_before_the_inbox_gives_up() -> None:
    """A hanging server costs the batch under way one act's time, and the batch behind another."""
    assert LOCK_TIMEOUT_S < postgres_connections.STATEMENT_TIMEOUT_S < ACT_TIMEOUT_S
    assert postgres_connections.CONNECT_TIMEOUT_S < ACT_TIMEOUT_S
    assert 2 * ACT_TIMEOUT_S < WAIT_S


async def test_a_lock_that_somebody_holds_is_not_waited_for_for_ever(
    database: PostgresDatabase, postgres_url: str, alarm: SilentAlarm
) -> None:
    await database.beat(1)
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
    await asyncio.gather(*(database.beat(n) for n in range(50)))

    assert 1 <= len(await backends(postgres_url)) <= 3


async def test_a_connection_that_was_idle_for_long_is_not_trusted(
    database: PostgresDatabase, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await database.beat(1)
    (before,) = await backends(postgres_url)
    monkeypatch.setattr(postgres_connections, "IDLE_MAX_S", -1)

    await database.beat(2)

    assert before not in await backends(postgres_url)


async def test_closing_finishes_what_was_begun_and_lets_the_connections_go(
    postgres_url: str, alarm: SilentAlarm
) -> None:
    database = PostgresDatabase(postgres_url, alarm)
    writing = [asyncio.create_task(database.beat(n)) for n in range(10)]
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
        pruned = await transaction.prune_payloads(before_ms=EVENT.received_at_ms + 1, limit=1)
        await transaction.commit()
        return pruned

    await database.write(add_three)

    assert [await database.write(prune_one) for _ in range(4)] == [1, 1, 1, 0]
