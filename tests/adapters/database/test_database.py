"""Behavior of every database: these tests run on SQLite and on PostgreSQL."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from app.databases import AnyDatabase
from app.domain.errors import RowsRefusedError, StorageUnavailableError
from app.domain.fold.records import Payment
from app.domain.payments.facts import PaymentFacts
from app.usecases.ports import AlertName
from app.usecases.records import Checkout
from app.usecases.storage import Transaction
from tests.support.builders import CHECKOUT_ID, SESSION_ID, SilentAlarm, query
from tests.support.committed import count
from tests.support.recording import look
from tests.support.stores import (
    CHECKOUT,
    EVENT,
    NOW_MS,
    OTHER_SESSION_ID,
    PAYMENT,
    add_checkout,
    add_event,
    put,
    save_payment,
)


@pytest.fixture(params=["sqlite", "postgres"])
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


# --- transactions


async def test_what_is_committed_is_read_at_once(database: AnyDatabase) -> None:
    for n in range(50):
        payment = replace(PAYMENT, updated_at_ms=n)

        async def save(transaction: Transaction, payment: Payment = payment) -> None:
            await put(transaction, payment)
            await transaction.commit()

        await database.write(save)

        assert await database.find_payment(SESSION_ID) == payment


async def test_what_is_not_committed_is_not_there(
    database: AnyDatabase, database_path: Path
) -> None:
    async def forget_to_commit(transaction: Transaction) -> str:
        await put(transaction, EVENT)
        return "done"

    assert await database.write(forget_to_commit) == "done"

    assert count(database_path) == 0
    await database.write(add_event)  # nor is the lock kept
    assert count(database_path) == 1


async def test_an_act_that_raises_is_rolled_back(
    database: AnyDatabase, database_path: Path
) -> None:
    async def fail(transaction: Transaction) -> None:
        await put(transaction, EVENT)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await database.write(fail)

    assert count(database_path) == 0
    await database.write(add_event)
    assert count(database_path) == 1


async def test_many_writers_and_readers_at_once_lose_nothing(
    database: AnyDatabase, database_path: Path
) -> None:
    async def write_and_read(n: int) -> bool:
        payment = replace(PAYMENT, session_id=f"cs_test_{n}")

        async def save(transaction: Transaction) -> None:
            await put(transaction, payment)
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
    database: AnyDatabase, checkout: Checkout
) -> None:
    async def add(transaction: Transaction) -> None:
        await transaction.add_checkout(checkout)
        await transaction.commit()

    await database.write(add)

    assert await database.find_checkout(CHECKOUT_ID) == checkout


async def test_a_checkout_is_found_by_its_session(database: AnyDatabase) -> None:
    await database.write(add_checkout)

    assert await database.find_checkout_of_session(SESSION_ID) == CHECKOUT


async def test_of_two_checkouts_of_one_session_the_later_is_found(
    database: AnyDatabase,
) -> None:
    later = replace(CHECKOUT, id=CHECKOUT_ID[:-1] + "v")

    async def add_both(transaction: Transaction) -> None:
        await transaction.add_checkout(later)
        await transaction.add_checkout(CHECKOUT)
        await transaction.commit()

    await database.write(add_both)

    assert await database.find_checkout_of_session(SESSION_ID) == later


async def test_one_checkout_is_kept_once(database: AnyDatabase) -> None:
    await database.write(add_checkout)

    with pytest.raises(RowsRefusedError):
        await database.write(add_checkout)


async def test_nothing_is_found_where_nothing_is(database: AnyDatabase) -> None:
    assert await database.find_checkout(CHECKOUT_ID) is None
    assert await database.find_checkout_of_session(SESSION_ID) is None
    assert await database.find_payment(SESSION_ID) is None
    assert await database.find_payments_claiming(CHECKOUT_ID) == []


async def test_payments_are_found_by_the_checkout_that_they_claim(
    database: AnyDatabase,
) -> None:
    spare = replace(PAYMENT, session_id=OTHER_SESSION_ID)
    foreign = Payment(session_id="cs_test_c3", facts=PaymentFacts(), updated_at_ms=NOW_MS)

    async def save(transaction: Transaction) -> None:
        await put(transaction, PAYMENT, spare, foreign)
        await transaction.commit()

    await database.write(save)

    found = await database.find_payments_claiming(CHECKOUT_ID)
    assert sorted(payment.session_id for payment in found) == [SESSION_ID, OTHER_SESSION_ID]


async def test_a_payment_that_is_saved_again_is_replaced(
    database: AnyDatabase, database_path: Path
) -> None:
    await database.write(save_payment)
    later = Payment(
        session_id=SESSION_ID,
        facts=PaymentFacts(paid=True, paid_at_s=7, amount_total_minor=5, currency="eur"),
        updated_at_ms=NOW_MS + 1,
    )

    async def save(transaction: Transaction) -> None:
        await put(transaction, later)
        await transaction.commit()

    await database.write(save)

    assert await database.find_payment(SESSION_ID) == later
    (row,) = query(database_path, "SELECT * FROM payments")
    assert (row["checkout_id"], row["amount_total_minor"], row["paid_at_s"]) == (None, 5, 7)


async def test_a_beat_is_written_and_written_again(
    database: AnyDatabase, database_path: Path
) -> None:
    await database.write_heartbeat(1)
    await database.write_heartbeat(2)

    assert query(database_path, "SELECT * FROM heartbeat") == [{"id": 1, "at_ms": 2}]


# --- events, and what is found by them


async def test_who_is_alone_leads(database: AnyDatabase) -> None:
    assert await database.write(lambda t: t.try_to_lead())


# --- when it fails


async def test_missing_tables_are_reported(
    database: AnyDatabase, database_path: Path, alarm: SilentAlarm
) -> None:
    query(database_path, "ALTER TABLE payments RENAME TO elsewhere")

    with pytest.raises(StorageUnavailableError, match="cannot be written"):
        await database.write(save_payment)
    with pytest.raises(StorageUnavailableError, match="cannot be read"):
        await database.find_payment(SESSION_ID)
    with pytest.raises(StorageUnavailableError, match="cannot be read"):
        await look(database, around=[SESSION_ID])

    assert alarm.names == [AlertName.STORAGE_UNAVAILABLE]
