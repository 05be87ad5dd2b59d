"""One PostgreSQL transaction: what the use cases may do in it, a statement for each set of rows."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from app.adapters.database import sql
from app.adapters.database.commit_mark import CommitMark
from app.adapters.database.outbox_rows import new_to_row
from app.adapters.database.postgres import statements
from app.adapters.database.postgres.batch import Foreseen, Unwritten, parameters
from app.adapters.database.postgres.connections import Connection
from app.adapters.database.postgres.locks import locking
from app.adapters.database.postgres.statements import numbered, writing
from app.adapters.database.rows import (
    NamedValues,
    renewal_to_names,
    renewal_to_row,
    row_to_payment,
    row_to_renewal,
    row_to_stored_event,
    settled_to_row,
    sold_by_session,
)
from app.adapters.database.transaction import SqlTransaction
from app.domain.errors import StorageUnavailableError
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
    WebhookSighting,
)

# Advisory locks of two numbers; the first keeps ours apart from other programs' in one database.
LOCKS_OF_THE_SERVICE: Final = 0x616C746E  # "altn": what only one may do
MIGRATION_LOCK: Final = 1
LEADER_LOCK: Final = 2

TO_WRITE: Final = "BEGIN"
TO_READ: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


class PostgresTransaction(SqlTransaction):
    """The statements of one transaction, which begins with the first of them."""

    def __init__(
        self,
        connection: Connection,
        mark: CommitMark,
        begin: str = TO_WRITE,
        posting: Posting = NOTHING_POSTED,
    ) -> None:
        self._connection = connection
        self._mark = mark
        self._begin = begin
        self._posting = posting
        self._is_begun = False
        self._locked_ids: set[str] = set()
        self._foreseen: Foreseen | None = None
        self._unwritten = Unwritten()

    async def execute(self, text: str, *parameters: object) -> str:
        """Run one statement; how it ended, as `UPDATE 3`."""
        await self._prepare()
        return str(await self._connection.execute(text, *parameters))

    async def fetch(self, text: str, *parameters: object) -> list[Any]:
        """The rows of one statement."""
        await self._prepare()
        rows: list[Any] = await self._connection.fetch(text, *parameters)
        return rows

    async def ask(self, text: str, **values: object) -> Sequence[Any]:
        """The rows of one statement of `sql.py`."""
        text, names = numbered(text)
        return await self.fetch(text, *(values[name] for name in names))

    async def change(self, text: str, **values: object) -> int:
        """Run one statement of `sql.py`; how many rows it changed."""
        text, names = numbered(text)
        ending = await self.execute(text, *(values[name] for name in names))
        return int(ending.rpartition(" ")[2])  # as `DELETE 3`

    async def write(self, kinds: Mapping[sql.Writing, Sequence[NamedValues]]) -> list[str]:
        """Write rows of these kinds with one statement; the ids of the events that are new."""
        written = {kind: rows for kind, rows in kinds.items() if rows}
        if not written:
            return []
        rows = await self.fetch(writing(tuple(written)), *parameters(written))
        return [row["id"] for row in rows]

    async def write_rows(self, writing: sql.Writing, rows: Sequence[NamedValues]) -> None:
        """Write rows of one kind."""
        await self.write({writing: rows})

    async def lock(self, object_ids: Collection[str]) -> None:
        """Let nobody else fold what mentions one of these ids, until the end.

        The locks of their stripes, in the order of their numbers, which is everybody's. A
        statement of its own, for a statement sees what was committed when it began, not when it
        got its lock. The numbers are written into the text: without parameters BEGIN goes the same
        way at the same time.
        """
        if not object_ids:
            return
        take = locking("pg_advisory_xact_lock", object_ids)
        begin = "" if self._is_begun else f"{self._begin};{self._connection.begin_with}"
        self._is_begun = True
        await self._connection.execute(begin + take)
        self._locked_ids.update(object_ids)

    async def try_lock(self, object_ids: Collection[str]) -> bool:
        """The same without waiting; False where another transaction holds one of them."""
        rows = await self.fetch(locking("pg_try_advisory_xact_lock", object_ids))
        return all(row[0] for row in rows)

    async def known_events(self, event_ids: Collection[str]) -> Collection[str]:
        """Which of these are kept already and have not failed.

        Asked under locks, it is a batch that is about to be folded: its other questions are read
        with the same statement.
        """
        if not self._locked_ids:
            rows = await self.ask(sql.KNOWN_EVENTS, event_ids=list(event_ids)) if event_ids else ()
            return {row["id"] for row in rows}
        object_ids = list(self._locked_ids)
        rows = await self.ask(statements.FORESEE, event_ids=list(event_ids), object_ids=object_ids)
        self._foreseen = Foreseen(object_ids, rows)
        return self._foreseen.known_events

    async def add_events(self, events: Sequence[EventRow]) -> Collection[str]:
        """Keep the events that are not there yet, and those that failed before."""
        return await self._write(events)

    async def try_to_lead(self) -> bool:
        """Whether no other replica's transaction leads now."""
        lock = {"service": LOCKS_OF_THE_SERVICE, "lock": LEADER_LOCK}
        (row,) = await self.ask(statements.TRY_TO_LEAD, **lock)
        return bool(row["leads"])

    async def webhook_sightings(self) -> Sequence[WebhookSighting]:
        """When webhooks were last taken, refused and so on; nobody else writes it meanwhile."""
        await self.ask(statements.LOCK_SIGHTINGS)
        return await super().webhook_sightings()

    async def settle(self, events: Collection[Settled]) -> None:
        """Write the states in which replayed events end."""
        await self.write({sql.SETTLE: [settled_to_row(event) for event in events]})

    async def mention(self, mentions: Collection[Mention]) -> None:
        """Remember by which ids events can be found."""
        self._unwritten.mentions.extend(mentions)

    async def events_mentioning(
        self, object_ids: Collection[str], *, limit: int | None = None
    ) -> Sequence[StoredEvent]:
        """The events that speak of one of these ids."""
        if foreseen := self._still_true():
            object_ids = foreseen.perhaps_mentioned(object_ids)
        if not object_ids:
            return []
        rows = await self.ask(sql.EVENTS_MENTIONING, object_ids=list(object_ids), limit=limit)
        return [row_to_stored_event(row) for row in rows]

    async def keep_wakes(self, wakes: Collection[Wake]) -> None:
        """Leave these to a later transaction."""
        await self.write({sql.KEEP_WAKE: [wake._asdict() for wake in wakes]})

    async def forget_wakes(self, object_ids: Collection[str]) -> None:
        """All events that speak of these objects are awake."""
        await self.write({sql.FORGET_WAKE: [{"object_id": each} for each in object_ids]})

    async def renewals(self, object_ids: Mapping[str, Collection[str]]) -> Sequence[Renewal]:
        """The renewals that hold or name one of these ids, asked by session id."""
        pairs = [(key, id_) for key, ids in object_ids.items() for id_ in ids]
        asked = {
            "session_ids": [session_id for session_id, _ in pairs],
            "object_ids": [object_id for _, object_id in pairs],
        }
        return [row_to_renewal(row) for row in await self.ask(statements.RENEWALS, **asked)]

    async def save_renewals(self, renewals: Collection[Renewal]) -> None:
        """Keep these renewals as they are now; forget those without facts."""
        rows = [renewal_to_row(renewal) for renewal in renewals]
        await self.write(
            {
                sql.SAVE_RENEWAL: [row for row in rows if row["facts"]],
                sql.FORGET_RENEWAL: [row for row in rows if not row["facts"]],
                sql.NAME_RENEWAL: [row for each in renewals for row in renewal_to_names(each)],
            }
        )

    async def wake(self, event_ids: Collection[str]) -> None:
        """These events wait no longer."""
        self._unwritten.woken_ids.extend(event_ids)

    async def links(self, object_ids: Collection[str]) -> Collection[Link]:
        """To which payments these ids belong."""
        foreseen = self._still_true()
        links = foreseen.links(object_ids) if foreseen else None
        if links is None:
            rows = await self.ask(sql.LINKS, object_ids=list(object_ids)) if object_ids else ()
            links = [Link(row["object_id"], row["session_id"]) for row in rows]
        return links

    async def link(self, links: Collection[Link]) -> None:
        """Remember to which payments these ids belong."""
        self._unwritten.links.extend(links)

    async def payments(self, session_ids: Collection[str]) -> Mapping[str, Payment]:
        """The payments that exist already; nobody else changes them before the end."""
        foreseen = self._still_true()
        payments = foreseen.payments(session_ids) if foreseen else None
        if payments is None:
            text = sql.PAYMENTS if self._begin is TO_READ else statements.PAYMENTS_TO_CHANGE
            rows = await self.ask(text, session_ids=list(session_ids)) if session_ids else ()
            payments = {row["session_id"]: row_to_payment(row) for row in rows}
        return payments

    async def save_payments(self, payments: Collection[Payment]) -> None:
        """Keep the payments as they are now."""
        self._unwritten.payments.update((payment.session_id, payment) for payment in payments)

    async def sold_checkouts(
        self, checkout_ids: Mapping[str, str | None]
    ) -> Mapping[str, SoldCheckout]:
        """The checkouts that sessions pay, or claim to; by session id."""
        foreseen = self._still_true()
        sold = foreseen.sold_checkouts(checkout_ids) if foreseen else None
        if sold is None:
            asked = {
                "session_ids": list(checkout_ids),
                "checkout_ids": list(checkout_ids.values()),
            }
            sold = sold_by_session(await self.ask(statements.SOLD, **asked))
        return sold

    async def notify(self, new: Sequence[NewNotification]) -> None:
        """Keep these notifications, in their order; those that are there already stay."""
        self._unwritten.notifications += [new_to_row(each, self._posting) for each in new]

    async def commit(self) -> None:
        """Make everything above durable: the log is flushed when this returns."""
        if self._unwritten:
            await self._write(())
        if not self._is_begun:
            return
        self._mark.is_sent = not self._connection.is_closed()
        ending = await self._connection.execute("COMMIT")
        self._is_begun = False
        if ending != "COMMIT":  # the server's way to say that a statement had failed before
            raise StorageUnavailableError("The database rolled back. Please try again.")

    async def _prepare(self) -> None:
        """A statement sees what was written before it."""
        if self._unwritten:
            await self._write(())
        elif not self._is_begun:
            self._is_begun = True
            await self._connection.execute(f"{self._begin};{self._connection.begin_with}")

    async def _write(self, events: Sequence[EventRow]) -> list[str]:
        """Write what waits to be written, and these events; the ids of the new ones."""
        unwritten, self._unwritten, self._foreseen = self._unwritten, Unwritten(), None
        return await self.write(unwritten.rows(events))

    def _still_true(self) -> Foreseen | None:
        """What was foreseen, unless this very transaction is about to change it."""
        return None if self._unwritten else self._foreseen
