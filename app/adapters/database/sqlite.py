"""SQLite, the embedded database: one writer thread, readers beside it, every commit synced.

WAL with synchronous=FULL syncs the log before COMMIT returns (sqlite.org/wal.html), so a committed
row survives a crash of the process and of the machine. SQLite has one writer at a time anyway; one
thread that owns it is faster than many that fight over its lock.
"""

import itertools
import sqlite3
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import orjson

from app.adapters.database.connection_thread import ConnectionThread
from app.adapters.database.facts import facts_from_json, facts_to_json
from app.domain.cart import Cart, LineItem, Mode
from app.domain.errors import RowsRefusedError, StorageUnavailableError
from app.usecases.ports import Checkout, EventRow, Payment, Transaction

T = TypeVar("T")

READERS: Final = 2

_ADD_CHECKOUT = """
    INSERT INTO checkouts (id, created_at_ms, mode, line_items, client_reference_id,
                           success_url, cancel_url, url, session_id)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
# An event that once failed is taken as new when it comes again and can be folded now.
_ADD_EVENT = """
    INSERT INTO events (id, type, created_s, received_at_ms, account, livemode, state, reason,
                        payload)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET state = excluded.state, reason = excluded.reason
    WHERE events.state = 'failed' AND excluded.state <> 'failed'
"""
_SAVE_PAYMENT = """
    INSERT INTO payments (session_id, checkout_id, status, amount_total_minor, currency,
                          paid_at_s, facts, updated_at_ms)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (session_id) DO UPDATE SET
        checkout_id = excluded.checkout_id, status = excluded.status,
        amount_total_minor = excluded.amount_total_minor, currency = excluded.currency,
        paid_at_s = excluded.paid_at_s, facts = excluded.facts,
        updated_at_ms = excluded.updated_at_ms
"""
_LINK = """
    INSERT INTO payment_links (object_id, session_id) VALUES (?, ?)
    ON CONFLICT (object_id) DO NOTHING
"""
_BEAT = """
    INSERT INTO heartbeat (id, at_ms) VALUES (1, ?)
    ON CONFLICT (id) DO UPDATE SET at_ms = excluded.at_ms
"""
_CHECKOUT_COLUMNS = """
    SELECT id, created_at_ms, mode, line_items, client_reference_id, success_url, cancel_url, url,
           session_id
    FROM checkouts
"""
_PAYMENT_COLUMNS = "SELECT session_id, facts, updated_at_ms FROM payments"


class SqliteDatabase:
    """The database of one process, in one file."""

    def __init__(self, path: Path) -> None:
        self._writer = ConnectionThread(path, "sqlite-writer")
        self._readers = [ConnectionThread(path, f"sqlite-reader-{n}") for n in range(READERS)]
        self._next_reader = itertools.cycle(self._readers)

    async def close(self) -> None:
        """Finish what was begun, and let the file go."""
        for thread in (self._writer, *self._readers):
            await thread.close()

    async def write(self, act: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run `act` in the writer thread, in a transaction of its own.

        Raises:
            RowsRefusedError: a constraint or a type refused these rows; nothing was committed.
            StorageUnavailableError: the database cannot commit; nothing was committed.
        """
        try:
            try:
                return await self._writer.run(partial(_transact, act=act))
            except sqlite3.OperationalError as error:
                if getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_READONLY:
                    raise
                await self._reconnect()
                return await self._writer.run(partial(_transact, act=act))
        except (sqlite3.IntegrityError, sqlite3.DataError, OverflowError) as error:
            raise RowsRefusedError("The database refused a row. Please try again.") from error
        except sqlite3.Error as error:
            raise StorageUnavailableError(
                "The database cannot be written to. Please try again."
            ) from error

    async def beat(self, at_ms: int) -> None:
        """Write and commit one small row, to know that a commit is possible.

        Raises:
            StorageUnavailableError: it is not.
        """

        async def write_heartbeat(transaction: Transaction) -> None:
            cast("SqliteTransaction", transaction).execute(_BEAT, (at_ms,))
            await transaction.commit()

        await self.write(write_heartbeat)

    async def find_checkout(self, checkout_id: str) -> Checkout | None:
        """The checkout of this id."""
        rows = await self._read(f"{_CHECKOUT_COLUMNS} WHERE id = ?", checkout_id)
        return _checkout(rows[0]) if rows else None

    async def find_checkout_of_session(self, session_id: str) -> Checkout | None:
        """The checkout whose payment page was this session's."""
        rows = await self._read(
            f"{_CHECKOUT_COLUMNS} WHERE session_id = ? ORDER BY id DESC LIMIT 1", session_id
        )
        return _checkout(rows[0]) if rows else None

    async def find_payment(self, session_id: str) -> Payment | None:
        """The payment of this session."""
        rows = await self._read(f"{_PAYMENT_COLUMNS} WHERE session_id = ?", session_id)
        return _payment(rows[0]) if rows else None

    async def find_payments_claiming(self, checkout_id: str) -> Sequence[Payment]:
        """The payments whose success URL names this checkout."""
        rows = await self._read(f"{_PAYMENT_COLUMNS} WHERE checkout_id = ?", checkout_id)
        return [_payment(row) for row in rows]

    async def _reconnect(self) -> None:
        """Let the file go altogether, and open it anew.

        A process's connections share how they opened the log: one of a time when it was read-only
        would keep all the others from writing ever again.
        """
        for thread in (self._writer, *self._readers):
            await thread.reconnect()

    async def _read(self, sql: str, *parameters: object) -> list[Any]:
        reader = next(self._next_reader)
        try:
            return await reader.run(
                lambda connection: connection.execute(sql, parameters).fetchall()
            )
        except sqlite3.Error as error:
            raise StorageUnavailableError(
                "The database cannot be read. Please try again."
            ) from error


class SqliteTransaction:
    """The statements of one transaction. Nothing here suspends: it runs in the writer thread."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> sqlite3.Cursor:
        """Run one statement."""
        return self._connection.execute(sql, parameters)

    async def add_checkout(self, checkout: Checkout) -> None:
        """Keep a checkout."""
        self.execute(
            _ADD_CHECKOUT,
            (
                checkout.id,
                checkout.created_at_ms,
                checkout.cart.mode,
                orjson.dumps(checkout.cart.line_items).decode(),
                checkout.client_reference_id,
                checkout.success_url,
                checkout.cancel_url,
                checkout.url,
                checkout.session_id,
            ),
        )

    async def add_events(self, events: Sequence[EventRow]) -> Collection[str]:
        """Keep the events that are not there yet, and those that failed before."""
        return [
            event.id for event in events if self.execute(_ADD_EVENT, _event_row(event)).rowcount
        ]

    async def payments(self, session_ids: Collection[str]) -> Mapping[str, Payment]:
        """The payments that exist already, by session id."""
        found: dict[str, Payment] = {}
        for session_id in session_ids:
            row = self.execute(f"{_PAYMENT_COLUMNS} WHERE session_id = ?", (session_id,)).fetchone()
            if row is not None:
                found[session_id] = _payment(row)
        return found

    async def save_payments(self, payments: Collection[Payment]) -> None:
        """Keep the payments as they are now."""
        self._connection.executemany(_SAVE_PAYMENT, [_payment_row(payment) for payment in payments])

    async def link(self, linked_ids: Mapping[str, str]) -> None:
        """Remember to which session's payment each of these Stripe ids belongs."""
        self._connection.executemany(_LINK, list(linked_ids.items()))

    async def commit(self) -> None:
        """Make everything above durable: the log is synced when this returns."""
        self.execute("COMMIT")


def _transact(connection: sqlite3.Connection, act: Callable[[Transaction], Awaitable[T]]) -> T:
    connection.execute("BEGIN IMMEDIATE")
    try:
        return _run_to_the_end(act(SqliteTransaction(connection)))
    finally:
        if connection.in_transaction:
            connection.rollback()


def _run_to_the_end(act: Awaitable[T]) -> T:
    """Drive a coroutine that never suspends, as no act over `SqliteTransaction` does.

    The use cases are written once, for databases that must be awaited and for this one.
    """
    try:
        cast("Coroutine[None, None, T]", act).send(None)
    except StopIteration as finished:
        return cast("T", finished.value)
    raise RuntimeError("an act on SQLite awaited something other than its transaction")


def _event_row(event: EventRow) -> tuple[object, ...]:
    return (
        event.id,
        event.type,
        event.created_s,
        event.received_at_ms,
        event.account,
        event.livemode,
        event.state,
        event.reason,
        event.payload,
    )


def _payment_row(payment: Payment) -> tuple[object, ...]:
    facts = payment.facts
    return (
        payment.session_id,
        facts.checkout_id,
        facts.status,
        facts.amount_total_minor,
        facts.currency,
        facts.paid_at_s,
        facts_to_json(facts),
        payment.updated_at_ms,
    )


def _payment(row: Any) -> Payment:  # noqa: ANN401 the driver's rows have no type
    session_id, facts, updated_at_ms = row
    return Payment(session_id=session_id, facts=facts_from_json(facts), updated_at_ms=updated_at_ms)


def _checkout(row: Any) -> Checkout:  # noqa: ANN401 the driver's rows have no type
    (id_, created_at_ms, mode, line_items, reference, success_url, cancel_url, url, session_id) = (
        row
    )
    return Checkout(
        id=id_,
        created_at_ms=created_at_ms,
        cart=Cart(tuple(LineItem(**item) for item in orjson.loads(line_items)), Mode(mode)),
        client_reference_id=reference,
        success_url=success_url,
        cancel_url=cancel_url,
        url=url,
        session_id=session_id,
    )
