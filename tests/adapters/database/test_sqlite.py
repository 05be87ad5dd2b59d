import asyncio
import resource
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from app.adapters.database.migrate import migrate
from app.adapters.database.sqlite.connection_thread import (
    BUSY_TIMEOUT_S,
    LOG_BYTES_MAX,
    ConnectionThread,
    connect,
)
from app.adapters.database.sqlite.database import SqliteDatabase
from app.adapters.database.sqlite.transaction import SqliteTransaction
from app.adapters.database.writability import PROMPT_S
from app.domain.errors import CommitInDoubtError, RowsRefusedError, StorageUnavailableError
from app.usecases.storage import Transaction
from tests.support.builders import CHECKOUT_ID, DEADLINE_S, SESSION_ID, SilentAlarm, query
from tests.support.stores import EVENT, PAYMENT, add_event, put


async def pragma(database: SqliteDatabase, name: str) -> object:
    """What the writer's own connection has been set to."""

    async def ask(transaction: Transaction) -> object:
        assert isinstance(transaction, SqliteTransaction)
        return transaction.execute(f"PRAGMA {name}").fetchone()[0]

    return await database.write(ask)


def count(database_path: Path, table: str = "events") -> int:
    (row,) = query(database_path, f"SELECT count(*) AS rows FROM {table}")  # noqa: S608 our table
    return int(row["rows"])


def open_files(folder: Path) -> list[str]:
    links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    names = [link.readlink() for link in links]
    return [name.name for name in names if name.is_relative_to(folder)]


def files(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def journal_mode_of(path: Path) -> str:
    with closing(connect(path)) as connection:
        (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
        return str(mode)


HASTE_S = 0.5


@pytest.fixture
async def hasty(database_path: Path, alarm: SilentAlarm) -> AsyncIterator[SqliteDatabase]:
    """A database that soon gives up."""
    database = SqliteDatabase(database_path, alarm, act_timeout_s=HASTE_S)
    yield database
    await database.close()


async def fill_log(database: SqliteDatabase) -> None:
    """Write more than the log may keep."""
    payload = bytes(LOG_BYTES_MAX // 20)
    for number in range(40):

        async def add(transaction: Transaction, number: int = number) -> None:
            await put(transaction, replace(EVENT, id=f"evt_{number}", payload=payload))
            await transaction.commit()

        await database.write(add)


def log_bytes(database_path: Path) -> int:
    return database_path.with_name(f"{database_path.name}-wal").stat().st_size


@contextmanager
def full_disk() -> Iterator[None]:
    """Within it this process can make no file longer: SQLite's log cannot take another commit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


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
        await database.beat(2**63)


# --- when the disk fails


async def test_a_full_disk_commits_nothing_and_when_there_is_room_again_everything(
    database: SqliteDatabase, database_path: Path
) -> None:
    await database.beat(1)  # the connection is open already

    with full_disk(), pytest.raises(StorageUnavailableError, match="cannot be written"):
        await database.write(add_event)
    assert count(database_path) == 0

    await database.write(add_event)
    assert count(database_path) == 1


async def test_a_full_disk_is_not_waited_for_as_a_lock_is(database: SqliteDatabase) -> None:
    with full_disk(), pytest.raises(StorageUnavailableError):
        async with asyncio.timeout(BUSY_TIMEOUT_S / 2):
            await database.write(add_event)


async def test_a_full_disk_is_not_taken_for_a_bad_row(database: SqliteDatabase) -> None:
    await database.beat(1)

    with full_disk(), pytest.raises(StorageUnavailableError) as failed:
        await database.write(add_event)

    assert not isinstance(failed.value, RowsRefusedError)


async def test_a_missing_folder_is_reported_and_used_once_it_exists(tmp_path: Path) -> None:
    path = tmp_path / "not mounted yet" / "checkout.db"
    database = SqliteDatabase(path, SilentAlarm())
    with pytest.raises(StorageUnavailableError, match="cannot be written"):
        await database.write(add_event)
    with pytest.raises(StorageUnavailableError, match="cannot be read"):
        await database.find_payment(SESSION_ID)
    migrate(path)

    await database.write(add_event)

    assert count(path) == 1
    assert await database.find_payment(SESSION_ID) is None
    await database.close()


async def test_a_file_that_is_not_a_database_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "checkout.db"
    path.write_bytes(b"somebody's notes " * 100)
    database = SqliteDatabase(path, SilentAlarm())

    with pytest.raises(StorageUnavailableError):
        await database.write(add_event)
    with pytest.raises(StorageUnavailableError):
        await database.find_checkout(CHECKOUT_ID)

    await database.close()


async def test_a_lock_that_somebody_else_holds_is_waited_for(
    database: SqliteDatabase, database_path: Path
) -> None:
    with closing(connect(database_path)) as backup:
        backup.execute("BEGIN IMMEDIATE")
        writing = asyncio.create_task(database.write(add_event))
        await database.find_payment(SESSION_ID)  # a read's time: the writer is at the lock by now
        assert not writing.done()

        backup.execute("ROLLBACK")
        await writing

    assert count(database_path) == 1


async def test_a_lock_on_a_new_file_is_waited_for(tmp_path: Path) -> None:
    """Two processes that make the file at once: SQLite then refuses WAL mode without waiting."""
    path = tmp_path / "checkout.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        connecting = asyncio.create_task(asyncio.to_thread(journal_mode_of, path))
        await asyncio.wait([connecting], timeout=0.2)  # long enough to be refused

        other.execute("ROLLBACK")
        assert await connecting == "wal"


def test_a_connection_that_cannot_be_set_up_is_refused(tmp_path: Path) -> None:
    (tmp_path / "checkout.db").write_bytes(b"somebody's notes " * 100)

    with pytest.raises(sqlite3.DatabaseError):
        connect(tmp_path / "checkout.db")


# --- one deadline for each act


async def test_any_number_of_waiters_for_a_held_lock_fail_within_one_operations_time(
    hasty: SqliteDatabase, database_path: Path
) -> None:
    with closing(connect(database_path)) as backup:
        backup.execute("BEGIN IMMEDIATE")
        async with asyncio.timeout(DEADLINE_S):  # one after the other would take a minute
            failed = await asyncio.gather(
                *(hasty.write(add_event) for _ in range(100)), return_exceptions=True
            )
        backup.execute("ROLLBACK")

    assert {type(error) for error in failed} == {StorageUnavailableError}
    await hasty.beat(1)  # the queue is empty: what was given up is not done later
    assert count(database_path) == 0


async def test_what_has_not_begun_in_time_never_begins(database_path: Path) -> None:
    thread = ConnectionThread(database_path, "late")

    with pytest.raises(TimeoutError, match="busy"):
        await thread.run(lambda _: pytest.fail("it has begun"), give_up_at=time.monotonic())

    await thread.close()


async def test_an_act_that_takes_too_long_is_rolled_back(
    hasty: SqliteDatabase, database_path: Path
) -> None:
    async def dawdle(transaction: Transaction) -> None:
        await put(transaction, EVENT)
        time.sleep(2 * HASTE_S)  # noqa: ASYNC251 it runs in the writer's thread
        await transaction.commit()

    with pytest.raises(StorageUnavailableError) as failed:
        await hasty.write(dawdle)

    assert not isinstance(failed.value, CommitInDoubtError)
    await hasty.beat(1)
    assert count(database_path) == 0


async def test_a_commit_that_gives_no_answer_in_time_is_in_doubt(
    hasty: SqliteDatabase, database_path: Path
) -> None:
    may_answer = threading.Event()

    async def hang(transaction: Transaction) -> None:
        await put(transaction, EVENT)
        await transaction.commit()
        may_answer.wait(DEADLINE_S)

    with pytest.raises(CommitInDoubtError):
        await hasty.write(hang)

    may_answer.set()
    assert count(database_path) == 1


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

    await hasty.beat(1)


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
        await database.beat(at_ms)

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
