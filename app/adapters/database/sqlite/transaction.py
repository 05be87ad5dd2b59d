"""One SQLite transaction: what the use cases may do in it, row by row."""

import sqlite3
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import orjson

from app.adapters.database import sql
from app.adapters.database.commit_mark import CommitMark
from app.adapters.database.outbox_rows import new_to_row
from app.adapters.database.outbox_sql import ADD_NOTIFICATION
from app.adapters.database.rows import (
    NamedValues,
    event_to_row,
    payment_to_row,
    renewal_to_names,
    renewal_to_row,
    row_to_payment,
    row_to_renewal,
    row_to_stored_event,
    settled_to_row,
    sold_by_session,
)
from app.adapters.database.sqlite import statements
from app.adapters.database.sqlite.statements import for_each_row, in_sqlite
from app.adapters.database.transaction import SqlTransaction
from app.domain.notifications.notification import NewNotification
from app.usecases.outbox import NOTHING_POSTED, Posting
from app.usecases.records import (
    EventRow,
    Link,
    Mention,
    Payment,
    Renewal,
    Settled,
    SoldCheckout,
    StoredEvent,
    Wake,
)

NO_LIMIT = -1  # SQLite's own word for it


class SqliteTransaction(SqlTransaction):
    """The statements of one transaction. Nothing here suspends: it runs in the writer thread."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        mark: CommitMark,
        *,
        give_up_at: float,
        posting: Posting = NOTHING_POSTED,
    ) -> None:
        self._connection = connection
        self._mark = mark
        self._give_up_at = give_up_at
        self._posting = posting

    def execute(self, text: str, parameters: Sequence[object] = ()) -> sqlite3.Cursor:
        """Run one statement, as it is."""
        return self._connection.execute(text, parameters)

    async def ask(self, text: str, **values: object) -> Sequence[Any]:
        """The rows of one statement."""
        return self._connection.execute(in_sqlite(text), bound(values)).fetchall()

    async def change(self, text: str, **values: object) -> int:
        """Run one statement; how many rows it changed."""
        return self._connection.execute(in_sqlite(text), bound(values)).rowcount

    def write(self, writing: sql.Writing, rows: Iterable[NamedValues]) -> None:
        """Write rows of a kind."""
        self._connection.executemany(for_each_row(writing), rows)

    async def write_rows(self, writing: sql.Writing, rows: Sequence[NamedValues]) -> None:
        """Write rows of a kind, as on any database."""
        self.write(writing, rows)

    async def lock(self, object_ids: Collection[str]) -> None:
        """Nothing is needed: SQLite has one writer, and this transaction is it."""

    async def try_lock(self, _: Collection[str]) -> bool:
        """Nobody else writes."""
        return True

    async def try_to_lead(self) -> bool:
        """SQLite serves one process."""
        return True

    async def known_events(self, event_ids: Collection[str]) -> Collection[str]:
        """Which of these are kept already and have not failed."""
        rows = await self.ask(sql.KNOWN_EVENTS, event_ids=event_ids) if event_ids else ()
        return {row["id"] for row in rows}

    async def add_events(self, events: Sequence[EventRow]) -> Collection[str]:
        """Keep the events that are not there yet, and those that failed before."""
        text = for_each_row(sql.ADD_EVENT)
        return [
            event.id
            for event in events
            if self._connection.execute(text, event_to_row(event)).rowcount
        ]

    async def settle(self, events: Collection[Settled]) -> None:
        """Write the states in which replayed events end."""
        self.write(sql.SETTLE, [settled_to_row(event) for event in events])

    async def mention(self, mentions: Collection[Mention]) -> None:
        """Remember by which ids events can be found."""
        self.write(sql.MENTION, [each._asdict() for each in mentions])

    async def events_mentioning(
        self, object_ids: Collection[str], *, limit: int | None = None
    ) -> Sequence[StoredEvent]:
        """The events that speak of one of these ids."""
        if not object_ids:
            return []
        rows = await self.ask(
            sql.EVENTS_MENTIONING,
            object_ids=object_ids,
            limit=NO_LIMIT if limit is None else limit,
        )
        return [row_to_stored_event(row) for row in rows]

    async def keep_wakes(self, wakes: Collection[Wake]) -> None:
        """Leave these to a later transaction."""
        self.write(sql.KEEP_WAKE, [wake._asdict() for wake in wakes])

    async def forget_wakes(self, object_ids: Collection[str]) -> None:
        """All events that speak of these objects are awake."""
        self.write(sql.FORGET_WAKE, [{"object_id": object_id} for object_id in object_ids])

    async def wake(self, event_ids: Collection[str]) -> None:
        """These events wait no longer."""
        self.write(sql.WAKE, [{"event_id": event_id} for event_id in event_ids])

    async def links(self, object_ids: Collection[str]) -> Collection[Link]:
        """To which payments these ids belong."""
        rows = await self.ask(sql.LINKS, object_ids=object_ids) if object_ids else ()
        return [Link(row["object_id"], row["session_id"]) for row in rows]

    async def link(self, links: Collection[Link]) -> None:
        """Remember to which payments these ids belong."""
        self.write(sql.LINK, [link._asdict() for link in links])

    async def payments(self, session_ids: Collection[str]) -> Mapping[str, Payment]:
        """The payments that exist already, by session id."""
        rows = await self.ask(sql.PAYMENTS, session_ids=session_ids) if session_ids else ()
        return {row["session_id"]: row_to_payment(row) for row in rows}

    async def save_payments(self, payments: Collection[Payment]) -> None:
        """Keep the payments as they are now."""
        self.write(sql.SAVE_PAYMENT, [payment_to_row(payment) for payment in payments])

    async def renewals(self, object_ids: Mapping[str, Collection[str]]) -> Sequence[Renewal]:
        """The renewals that hold or name one of these ids, asked by session id."""
        pairs = [(key, id_) for key, ids in object_ids.items() for id_ in ids]
        return [row_to_renewal(row) for row in await self.ask(statements.RENEWALS, pairs=pairs)]

    async def save_renewals(self, renewals: Collection[Renewal]) -> None:
        """Keep these renewals as they are now; forget those without facts."""
        rows = [renewal_to_row(renewal) for renewal in renewals]
        self.write(sql.SAVE_RENEWAL, [row for row in rows if row["facts"]])
        self.write(sql.FORGET_RENEWAL, [row for row in rows if not row["facts"]])
        names = [name for renewal in renewals for name in renewal_to_names(renewal)]
        self.write(sql.NAME_RENEWAL, names)

    async def sold_checkouts(
        self, checkout_ids: Mapping[str, str | None]
    ) -> Mapping[str, SoldCheckout]:
        """The checkouts that sessions pay, or claim to; by session id."""
        asked = orjson.dumps(checkout_ids).decode()
        return sold_by_session(await self.ask(statements.SOLD, asked=asked))

    async def notify(self, new: Sequence[NewNotification]) -> None:
        """Keep these notifications, in their order; those that are there already stay."""
        self.write(ADD_NOTIFICATION, [new_to_row(each, self._posting) for each in new])

    async def commit(self) -> None:
        """Make everything above durable: the log is synced when this returns.

        Raises:
            TimeoutError: it is too late, nobody waits any more; nothing was committed.
        """
        if time.monotonic() >= self._give_up_at:
            raise TimeoutError("the transaction took too long")
        self._mark.is_sent = True
        self.execute("COMMIT")


def bound(values: NamedValues) -> NamedValues:
    """A statement's values as the driver takes them: a list as a JSON array."""
    return {
        name: value
        if value is None or isinstance(value, str | int | bytes)
        else orjson.dumps(list(value)).decode()
        for name, value in values.items()
    }
