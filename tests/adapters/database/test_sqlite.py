import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest

from app.adapters.database.sqlite.connection_thread import (
    LOG_BYTES_MAX,
    connect,
)
from app.adapters.database.sqlite.database import READERS, SqliteDatabase
from app.adapters.database.sqlite.transaction import SqliteTransaction
from app.adapters.database.writability import PROMPT_S
from app.domain.errors import RowsRefusedError, StorageUnavailableError
from app.usecases.storage import Transaction
from tests.support.builders import DEADLINE_S, SESSION_ID, SilentAlarm
from tests.support.committed import count
from tests.support.sqlite_files import (
    HASTE_S,
    files,
    fill_log,
    full_disk,
    log_bytes,
    open_files,
    pragma,
)
from tests.support.stores import EVENT, PAYMENT, add_event, put


@pytest.fixture
async def hasty(database_path: Path, alarm: SilentAlarm) -> AsyncIterator[SqliteDatabase]:
    """A database that soon gives up."""
    database = SqliteDatabase(database_path, alarm, act_timeout_s=HASTE_S)
    yield database
    await database.close()


# --- what durability rests on


async def test_the_writer_logs_ahead_and_syncs_every_commit(database: SqliteDatabase) -> None:
    assert await pragma(database, "journal_mode") == "wal"
    assert await pragma(database, "synchronous") == 2  # FULL


async def test_foreign_keys_are_on(database: SqliteDatabase) -> None:
    assert await pragma(database, "foreign_keys") == 1


# --- transactions


async def test_nobody_sees_a_transaction_that_is_under_way(database: SqliteDatabase) -> None:
    inserted, may_commit = threading.Event(), threading.Event()

    async def commit_slowly(transaction: Transaction) -> None:
        await put(transaction, PAYMENT)
        inserted.set()
        may_commit.wait(10)
        await transaction.commit()

    writing = asyncio.create_task(database.write(commit_slowly))
    await asyncio.to_thread(inserted.wait, 10)

    assert await database.find_payment(SESSION_ID) is None  # readers do not wait for the writer

    may_commit.set()
    await writing
    assert await database.find_payment(SESSION_ID) == PAYMENT


async def test_an_act_that_awaits_something_else_is_a_defect_and_is_rolled_back(
    database: SqliteDatabase, database_path: Path
) -> None:
    async def wander_off(transaction: Transaction) -> None:
        await put(transaction, EVENT)
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="awaited something other"):
        await database.write(wander_off)

    assert count(database_path) == 0


# --- rows


async def test_a_number_that_sqlite_cannot_hold_is_refused(database: SqliteDatabase) -> None:
    with pytest.raises(RowsRefusedError):
        await database.write_heartbeat(2**63)


# --- what is known before a write


async def test_while_writes_succeed_asking_for_them_writes_nothing(
    database: SqliteDatabase, database_path: Path
) -> None:
    await database.write(add_event)

    await database.require_writable()

    assert count(database_path, "heartbeat") == 0


async def test_after_a_failed_write_one_must_succeed_first(
    database: SqliteDatabase, database_path: Path
) -> None:
    with full_disk():
        with pytest.raises(StorageUnavailableError):
            await database.write(add_event)
        with pytest.raises(StorageUnavailableError):
            await database.require_writable()

    await database.require_writable()

    assert count(database_path, "heartbeat") == 1


async def test_all_who_ask_at_once_share_one_try(
    hasty: SqliteDatabase, database_path: Path, alarm: SilentAlarm
) -> None:
    with closing(connect(database_path)) as backup:
        backup.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageUnavailableError):
            await hasty.write(add_event)
        told = len(alarm.told)
        failed = await asyncio.gather(
            *(hasty.require_writable() for _ in range(100)), return_exceptions=True
        )
        backup.execute("ROLLBACK")

    assert {type(error) for error in failed} == {StorageUnavailableError}
    assert len(alarm.told) == told + 1


async def test_a_write_that_hangs_is_noticed_before_it_fails(
    database: SqliteDatabase, database_path: Path
) -> None:
    with closing(connect(database_path)) as backup:
        backup.execute("BEGIN IMMEDIATE")
        writing = asyncio.create_task(database.write(add_event))
        await asyncio.wait([writing], timeout=PROMPT_S + 0.1)
        asking = asyncio.create_task(database.require_writable())
        await asyncio.wait([asking], timeout=0.1)
        assert not asking.done()

        backup.execute("ROLLBACK")
        await asyncio.gather(writing, asking)


async def test_who_asks_and_leaves_leaves_nothing_behind(hasty: SqliteDatabase) -> None:
    with full_disk():
        with pytest.raises(StorageUnavailableError):
            await hasty.write(add_event)
        asking = asyncio.create_task(hasty.require_writable())
        await asyncio.sleep(0)
        asking.cancel()
        await asyncio.wait([asking])

    await hasty.write_heartbeat(1)


# --- readers


async def test_a_read_is_given_to_whichever_reader_is_idle(database: SqliteDatabase) -> None:
    is_reading, may_end = threading.Event(), threading.Event()

    async def read_slowly(_: Transaction) -> None:
        is_reading.set()
        may_end.wait(DEADLINE_S)

    slow = asyncio.create_task(database.read(read_slowly))
    await asyncio.to_thread(is_reading.wait, DEADLINE_S)
    try:
        for _ in range(2 * READERS):
            assert await database.find_payment(SESSION_ID) is None
        assert not slow.done()
    finally:
        may_end.set()
        await slow


async def test_closing_finishes_the_reads_that_wait_for_a_reader(database_path: Path) -> None:
    database = SqliteDatabase(database_path, SilentAlarm())
    reading = [asyncio.create_task(database.find_payment(SESSION_ID)) for _ in range(10)]
    await asyncio.sleep(0)  # one turn of the loop: each has asked

    await database.close()

    assert await asyncio.gather(*reading) == [None] * 10
    assert open_files(database_path.parent) == []


# --- reads that take too long

_LONG = """
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000000)
    SELECT max(i) FROM n
"""


async def _read_at_length(transaction: Transaction) -> None:
    assert isinstance(transaction, SqliteTransaction)
    await transaction.ask(_LONG)


async def _read_again_and_again(transaction: Transaction) -> None:
    assert isinstance(transaction, SqliteTransaction)
    while True:
        await transaction.ask("SELECT 1")


@pytest.mark.parametrize("look", [_read_at_length, _read_again_and_again])
async def test_reads_that_nobody_waits_for_any_more_leave_every_reader_to_others(
    hasty: SqliteDatabase, look: Callable[[Transaction], Awaitable[None]]
) -> None:
    failed = await asyncio.gather(
        *(hasty.read(look) for _ in range(READERS)), return_exceptions=True
    )
    assert {type(error) for error in failed} == {StorageUnavailableError}

    for _ in range(READERS):  # each of them in turn
        assert await hasty.find_payment(SESSION_ID) is None


# --- the log


async def test_a_log_that_a_long_reader_let_grow_is_cut_when_nobody_reads_it(
    database: SqliteDatabase, database_path: Path
) -> None:
    with closing(connect(database_path)) as backup:
        backup.execute("BEGIN")
        backup.execute("SELECT count(*) FROM events").fetchone()
        await fill_log(database)
        await database.give_back_space()
        assert log_bytes(database_path) > LOG_BYTES_MAX  # it must stay as long as it is read

    await database.give_back_space()

    assert log_bytes(database_path) == 0
    assert count(database_path) == 40


async def test_a_log_that_has_grown_is_cut_by_the_next_writes_too(
    database: SqliteDatabase, database_path: Path
) -> None:
    with closing(connect(database_path)) as backup:
        backup.execute("BEGIN")
        backup.execute("SELECT count(*) FROM events").fetchone()
        await fill_log(database)

    for at_ms in range(3):
        await database.write_heartbeat(at_ms)

    assert log_bytes(database_path) <= LOG_BYTES_MAX


async def test_a_database_without_a_log_has_nothing_to_give_back(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "checkout.db", SilentAlarm())

    await database.give_back_space()

    assert files(tmp_path) == []
    await database.close()


# --- the end


async def test_closing_finishes_what_was_begun_and_lets_the_files_go(database_path: Path) -> None:
    database = SqliteDatabase(database_path, SilentAlarm())
    await database.find_payment(SESSION_ID)
    writing = [asyncio.create_task(database.write(add_event)) for _ in range(5)]
    await asyncio.sleep(0)  # one turn of the loop: each has handed its act to the writer

    await database.close()

    await asyncio.gather(*writing)
    assert count(database_path) == 1
    assert open_files(database_path.parent) == []
    assert files(database_path.parent) == ["checkout.db"]


async def test_a_database_that_was_never_used_can_be_closed(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "checkout.db", SilentAlarm())

    await database.close()

    assert files(tmp_path) == []
