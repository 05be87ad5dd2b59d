"""SQLite only: disks that fail, locks that others hold, and one deadline for each operation."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from app.adapters.database.migrate import migrate
from app.adapters.database.sqlite.connection_thread import (
    BUSY_TIMEOUT_S,
    ConnectionThread,
    connect,
)
from app.adapters.database.sqlite.database import SqliteDatabase
from app.domain.errors import CommitInDoubtError, RowsRefusedError, StorageUnavailableError
from app.usecases.storage import Transaction
from tests.support.builders import CHECKOUT_ID, DEADLINE_S, SESSION_ID, SilentAlarm
from tests.support.committed import count
from tests.support.sqlite_files import HASTE_S, full_disk, journal_mode_of
from tests.support.stores import EVENT, add_event, put


@pytest.fixture
async def hasty(database_path: Path, alarm: SilentAlarm) -> AsyncIterator[SqliteDatabase]:
    """A database that soon gives up."""
    database = SqliteDatabase(database_path, alarm, act_timeout_s=HASTE_S)
    yield database
    await database.close()


# --- when the disk fails


async def test_a_full_disk_commits_nothing_and_when_there_is_room_again_everything(
    database: SqliteDatabase, database_path: Path
) -> None:
    await database.write_heartbeat(1)  # the connection is open already

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
    await database.write_heartbeat(1)

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
    await hasty.write_heartbeat(1)  # the queue is empty: what was given up is not done later
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
    await hasty.write_heartbeat(1)
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
