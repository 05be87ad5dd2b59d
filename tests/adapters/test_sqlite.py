import asyncio
import resource
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from app.adapters.database.connection_thread import BUSY_TIMEOUT_S, connect
from app.adapters.database.migrate import migrate
from app.adapters.database.sqlite import SqliteDatabase
from app.adapters.database.sqlite_transaction import SqliteTransaction
from app.domain.cart import Cart, LineItem, Mode
from app.domain.errors import RowsRefusedError, StorageUnavailableError
from app.domain.payment import PaymentFacts
from app.usecases.records import Checkout, EventRow, EventState, Payment
from app.usecases.storage import Transaction
from tests.builders import CHECKOUT_ID, NOW_S, SESSION_ID, SilentAlarm, query

NOW_MS = NOW_S * 1000
OTHER_SESSION_ID = "cs_test_b2"

CHECKOUT = Checkout(
    id=CHECKOUT_ID,
    created_at_ms=NOW_MS,
    cart=Cart((LineItem("price_A", 2), LineItem("price_B", 1)), Mode.SUBSCRIPTION),
    client_reference_id="order-42",
    success_url="https://shop.example/?session_id={CHECKOUT_SESSION_ID}",
    cancel_url="https://shop.example/cart",
    url="https://checkout.stripe.com/c/pay/cs_test_a1",
    session_id=SESSION_ID,
)
EVENT = EventRow(
    id="evt_1",
    type="customer.created",
    created_s=NOW_S,
    received_at_ms=NOW_MS,
    account=None,
    livemode=False,
    state=EventState.RECORDED,
    reason=None,
    payload=b"{}",
)
PAYMENT = Payment(
    session_id=SESSION_ID,
    facts=PaymentFacts(paid=True, checkout_id=CHECKOUT_ID),
    updated_at_ms=NOW_MS,
)


async def add_event(transaction: Transaction) -> None:
    await transaction.add_events([EVENT])
    await transaction.commit()


async def add_checkout(transaction: Transaction) -> None:
    await transaction.add_checkout(CHECKOUT)
    await transaction.commit()


async def save_payment(transaction: Transaction) -> None:
    await transaction.save_payments([PAYMENT])
    await transaction.commit()


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


async def test_what_is_committed_is_read_at_once(database: SqliteDatabase) -> None:
    for n in range(50):
        payment = replace(PAYMENT, updated_at_ms=n)

        async def save(transaction: Transaction, payment: Payment = payment) -> None:
            await transaction.save_payments([payment])
            await transaction.commit()

        await database.write(save)

        assert await database.find_payment(SESSION_ID) == payment


async def test_what_is_not_committed_is_not_there(
    database: SqliteDatabase, database_path: Path
) -> None:
    async def forget_to_commit(transaction: Transaction) -> str:
        await transaction.add_events([EVENT])
        return "done"

    assert await database.write(forget_to_commit) == "done"

    assert count(database_path) == 0
    await database.write(add_event)  # nor is the lock kept
    assert count(database_path) == 1


async def test_an_act_that_raises_is_rolled_back(
    database: SqliteDatabase, database_path: Path
) -> None:
    async def fail(transaction: Transaction) -> None:
        await transaction.add_events([EVENT])
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await database.write(fail)

    assert count(database_path) == 0
    await database.write(add_event)
    assert count(database_path) == 1


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


async def test_many_writers_and_readers_at_once_lose_nothing(
    database: SqliteDatabase, database_path: Path
) -> None:
    async def write_and_read(n: int) -> bool:
        payment = replace(PAYMENT, session_id=f"cs_test_{n}")

        async def save(transaction: Transaction) -> None:
            await transaction.save_payments([payment])
            await transaction.commit()

        await database.write(save)
        return await database.find_payment(payment.session_id) == payment

    assert all(await asyncio.gather(*(write_and_read(n) for n in range(100))))
    assert count(database_path, "payments") == 100


# --- rows


@pytest.mark.parametrize(
    "checkout", [CHECKOUT, replace(CHECKOUT, client_reference_id=None, session_id=None)]
)
async def test_a_checkout_is_read_as_it_was_written(
    database: SqliteDatabase, checkout: Checkout
) -> None:
    async def add(transaction: Transaction) -> None:
        await transaction.add_checkout(checkout)
        await transaction.commit()

    await database.write(add)

    assert await database.find_checkout(CHECKOUT_ID) == checkout


async def test_a_checkout_is_found_by_its_session(database: SqliteDatabase) -> None:
    await database.write(add_checkout)

    assert await database.find_checkout_of_session(SESSION_ID) == CHECKOUT


async def test_of_two_checkouts_of_one_session_the_later_is_found(
    database: SqliteDatabase,
) -> None:
    later = replace(CHECKOUT, id=CHECKOUT_ID[:-1] + "v")

    async def add_both(transaction: Transaction) -> None:
        await transaction.add_checkout(later)
        await transaction.add_checkout(CHECKOUT)
        await transaction.commit()

    await database.write(add_both)

    assert await database.find_checkout_of_session(SESSION_ID) == later


async def test_one_checkout_is_kept_once(database: SqliteDatabase) -> None:
    await database.write(add_checkout)

    with pytest.raises(RowsRefusedError):
        await database.write(add_checkout)


async def test_nothing_is_found_where_nothing_is(database: SqliteDatabase) -> None:
    assert await database.find_checkout(CHECKOUT_ID) is None
    assert await database.find_checkout_of_session(SESSION_ID) is None
    assert await database.find_payment(SESSION_ID) is None
    assert await database.find_payments_claiming(CHECKOUT_ID) == []


async def test_payments_are_found_by_the_checkout_that_they_claim(
    database: SqliteDatabase,
) -> None:
    spare = replace(PAYMENT, session_id=OTHER_SESSION_ID)
    foreign = Payment(session_id="cs_test_c3", facts=PaymentFacts(), updated_at_ms=NOW_MS)

    async def save(transaction: Transaction) -> None:
        await transaction.save_payments([PAYMENT, spare, foreign])
        await transaction.commit()

    await database.write(save)

    found = await database.find_payments_claiming(CHECKOUT_ID)
    assert sorted(payment.session_id for payment in found) == [SESSION_ID, OTHER_SESSION_ID]


async def test_a_payment_that_is_saved_again_is_replaced(
    database: SqliteDatabase, database_path: Path
) -> None:
    await database.write(save_payment)
    later = Payment(
        session_id=SESSION_ID,
        facts=PaymentFacts(paid=True, paid_at_s=7, amount_total_minor=5, currency="eur"),
        updated_at_ms=NOW_MS + 1,
    )

    async def save(transaction: Transaction) -> None:
        await transaction.save_payments([later])
        await transaction.commit()

    await database.write(save)

    assert await database.find_payment(SESSION_ID) == later
    (row,) = query(database_path, "SELECT * FROM payments")
    assert (row["checkout_id"], row["amount_total_minor"], row["paid_at_s"]) == (None, 5, 7)


async def test_a_beat_is_written_and_written_again(
    database: SqliteDatabase, database_path: Path
) -> None:
    await database.beat(1)
    await database.beat(2)

    assert query(database_path, "SELECT * FROM heartbeat") == [{"id": 1, "at_ms": 2}]


# --- what constraints refuse

EVENT_COLUMNS = "events (id, type, received_at_ms, state, reason, payload)"
PAYMENT_COLUMNS = (
    "payments (session_id, status, amount_total_minor, currency, facts, updated_at_ms)"
)
CHECKOUT_COLUMNS = (
    "checkouts (id, created_at_ms, mode, line_items, success_url, cancel_url, url, session_id,"
    " client_reference_id)"
)
LONG_URL = "'https://shop.example/' || hex(zeroblob(2490))"


@pytest.mark.parametrize(
    ("columns", "values"),
    [
        (EVENT_COLUMNS, "'evt_1', 't', 1, 'done', NULL, 'x'"),
        (EVENT_COLUMNS, "'evt_1', 't', 1, 'failed', NULL, 'x'"),
        (EVENT_COLUMNS, "'evt_1', 't', 1, 'folded', 'why', 'x'"),
        (EVENT_COLUMNS, "'evt_1', 't', 1, NULL, NULL, 'x'"),
        (EVENT_COLUMNS, "'evt_1', NULL, 1, 'folded', NULL, 'x'"),
        (EVENT_COLUMNS, "'1', 't', 1, 'folded', NULL, 'x'"),
        (EVENT_COLUMNS, "NULL, 't', 1, 'folded', NULL, 'x'"),
        (EVENT_COLUMNS, "'evt_1', 't', 1, 'folded', NULL, x''"),
        (EVENT_COLUMNS, "'evt_1', 't', 1, 'folded', NULL, zeroblob(1048577)"),
        (PAYMENT_COLUMNS, "'cs_1', 'done', 1, 'eur', '{}', 1"),
        (PAYMENT_COLUMNS, "'cs_1', NULL, 1, 'eur', '{}', 1"),
        (PAYMENT_COLUMNS, "'cs_1', 'paid', -1, 'eur', '{}', 1"),
        (PAYMENT_COLUMNS, "'cs_1', 'paid', 1, 'euro', '{}', 1"),
        (PAYMENT_COLUMNS, "'pi_1', 'paid', 1, 'eur', '{}', 1"),
        (PAYMENT_COLUMNS, "NULL, 'paid', 1, 'eur', '{}', 1"),
        (PAYMENT_COLUMNS, "'cs_1', 'paid', 1, 'eur', NULL, 1"),
        (CHECKOUT_COLUMNS, f"'{CHECKOUT_ID}', 1, 'setup', '[]', 's', 'c', 'u', NULL, NULL"),
        (CHECKOUT_COLUMNS, f"'{CHECKOUT_ID}x', 1, 'payment', '[]', 's', 'c', 'u', NULL, NULL"),
        (CHECKOUT_COLUMNS, "hex(zeroblob(20)), 1, 'payment', '[]', 's', 'c', 'u', NULL, NULL"),
        (CHECKOUT_COLUMNS, f"'{CHECKOUT_ID}', 1, 'payment', '[]', 's', 'c', 'u', 'pi_1', NULL"),
        (CHECKOUT_COLUMNS, f"'{CHECKOUT_ID}', 1, 'payment', '[]', 's', 'c', 'u', NULL, ''"),
        (CHECKOUT_COLUMNS, f"'{CHECKOUT_ID}', 1, 'payment', '[]', 's', 'c', NULL, NULL, NULL"),
        (
            CHECKOUT_COLUMNS,
            f"'{CHECKOUT_ID}', 1, 'payment', '[]', {LONG_URL}, 'c', 'u', NULL, NULL",
        ),
        (
            CHECKOUT_COLUMNS,
            f"'{CHECKOUT_ID}', 1, 'payment', '[]', 's', {LONG_URL}, 'u', NULL, NULL",
        ),
        ("payment_links (object_id, session_id)", "'pi_1', 'cs_of_nobody'"),
        ("heartbeat (id, at_ms)", "2, 1"),
    ],
)
async def test_a_row_that_cannot_be_true_is_refused(
    database: SqliteDatabase, columns: str, values: str
) -> None:
    async def insert(transaction: Transaction) -> None:
        assert isinstance(transaction, SqliteTransaction)
        transaction.execute(f"INSERT INTO {columns} VALUES ({values})")  # noqa: S608 our rows
        await transaction.commit()

    with pytest.raises(RowsRefusedError):
        await database.write(insert)


@pytest.mark.parametrize(
    ("columns", "values"),
    [
        (EVENT_COLUMNS, "'evt_1', 't', 1, 'folded', NULL, zeroblob(1048576)"),
        (PAYMENT_COLUMNS, "'cs_1', 'paid', 0, 'eur', '{}', 1"),
        (PAYMENT_COLUMNS, "'cs_1', 'open', NULL, NULL, '{}', 1"),
        (CHECKOUT_COLUMNS, f"'{CHECKOUT_ID}', 1, 'payment', '[]', 's', 'c', 'u', NULL, 'r'"),
    ],
)
async def test_a_row_at_the_edge_of_what_is_true_is_taken(
    database: SqliteDatabase, database_path: Path, columns: str, values: str
) -> None:
    async def insert(transaction: Transaction) -> None:
        assert isinstance(transaction, SqliteTransaction)
        transaction.execute(f"INSERT INTO {columns} VALUES ({values})")  # noqa: S608 our rows
        await transaction.commit()

    await database.write(insert)

    assert count(database_path, columns.partition(" ")[0]) == 1


async def test_a_number_that_sqlite_cannot_hold_is_refused(database: SqliteDatabase) -> None:
    with pytest.raises(RowsRefusedError):
        await database.beat(2**63)


async def test_after_a_refused_row_the_next_is_taken(
    database: SqliteDatabase, database_path: Path
) -> None:
    with pytest.raises(RowsRefusedError):
        await database.beat(2**63)

    await database.write(add_event)

    assert count(database_path) == 1


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


async def test_tables_that_are_missing_are_told(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "checkout.db", SilentAlarm())

    with pytest.raises(StorageUnavailableError):
        await database.find_payments_claiming(CHECKOUT_ID)
    with pytest.raises(StorageUnavailableError):
        await database.write(add_checkout)

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
