import asyncio
import resource
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from app.adapters.database.connection_thread import BUSY_TIMEOUT_S, connect
from app.adapters.database.migrate import migrate
from app.adapters.database.sqlite import SqliteDatabase
from app.adapters.database.sqlite_transaction import SqliteTransaction
from app.domain.errors import RowsRefusedError, StorageUnavailableError
from app.usecases.storage import Transaction
from tests.adapters.store import EVENT, PAYMENT, add_event
from tests.builders import CHECKOUT_ID, SESSION_ID, SilentAlarm, query


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
        await transaction.save_payments([PAYMENT])
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
        await transaction.add_events([EVENT])
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


async def test_a_folder_that_is_missing_is_told_and_found_once_it_is_there(tmp_path: Path) -> None:
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


async def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
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
