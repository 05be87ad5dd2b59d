"""One PostgreSQL transaction: what the use cases may do in it, a statement for each set of rows."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from app.adapters.database.commit_mark import CommitMark
from app.adapters.database.postgres import statements as sql
from app.adapters.database.postgres.apart import StatementsApart
from app.adapters.database.postgres.batch import Foreseen, Unwritten
from app.adapters.database.postgres.connections import Connection
from app.adapters.database.postgres.locks import locking
from app.adapters.database.postgres.sightings import PostgresSightings
from app.adapters.database.rows import (
    checkout_to_row,
    claim_to_row,
    row_to_claim,
    row_to_event,
    row_to_payment,
    row_to_stored_event,
    row_to_summary,
    sold_by_session,
)
from app.domain.errors import StorageUnavailableError
from app.usecases.records import (
    Checkout,
    Claim,
    EventQuery,
    EventRow,
    EventState,
    EventSummary,
    Link,
    Mention,
    Payment,
    Settled,
    SoldCheckout,
    StoredEvent,
)

# Advisory locks of two numbers; the first keeps ours apart from other programs' in one database.
LOCKS_OF_THE_SERVICE: Final = 0x616C746E  # "altn": what only one may do
MIGRATION_LOCK: Final = 1
LEADER_LOCK: Final = 2

TO_WRITE: Final = "BEGIN"
TO_READ: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


class PostgresTransaction(PostgresSightings, StatementsApart):
    """The statements of one transaction, which begins with the first of them."""

    def __init__(self, connection: Connection, mark: CommitMark, begin: str = TO_WRITE) -> None:
        self._connection = connection
        self._mark = mark
        self._begin = begin
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

    async def add_checkout(self, checkout: Checkout) -> None:
        """Keep a checkout."""
        await self.execute(sql.ADD_CHECKOUT, *checkout_to_row(checkout))

    async def claim(self, claim: Claim, *, dead_before_ms: int) -> Claim:
        """Take a key if it may be taken; who holds it now."""
        await self.execute(sql.CLAIM, *claim_to_row(claim), dead_before_ms)
        (row,) = await self.fetch(sql.FIND_CLAIM, claim.key_digest)
        return row_to_claim(row)

    async def fulfil_claim(self, key_digest: str, checkout_id: str) -> bool:
        """Mark the key's checkout as made; False where another holds the key by now."""
        return _count(await self.execute(sql.FULFIL_CLAIM, key_digest, checkout_id)) == 1

    async def free_claim(self, key_digest: str, checkout_id: str) -> None:
        """Give a key back whose checkout could not be made."""
        await self.execute(sql.FREE_CLAIM, key_digest, checkout_id)

    async def forget_claims(self, *, dead_before_ms: int) -> int:
        """Delete some of the keys older than that; how many there were."""
        return _count(await self.execute(sql.FORGET_CLAIMS, dead_before_ms))

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
            return {row[0] for row in await self._given(sql.KNOWN_EVENTS, event_ids)}
        object_ids = list(self._locked_ids)
        rows = await self.fetch(sql.FORESEE, list(event_ids), object_ids)
        self._foreseen = Foreseen(object_ids, rows)
        return self._foreseen.known_events

    async def add_events(self, events: Sequence[EventRow]) -> Collection[str]:
        """Keep the events that are not there yet, and those that failed before."""
        return await self._write(events)

    async def list_events(self, wanted: EventQuery) -> Sequence[EventSummary]:
        """The latest events of a kind."""
        text = sql.LIST_EVENTS_OF_PAYMENT if wanted.payment else sql.LIST_EVENTS
        parameters = (wanted.state, wanted.type, wanted.limit, wanted.payment)
        rows = await self.fetch(text, *(parameters if wanted.payment else parameters[:3]))
        return [row_to_summary(row) for row in rows]

    async def events_after(
        self, received_at_ms: int, event_id: str, *, limit: int
    ) -> Sequence[EventSummary]:
        """The next events in the order in which they were received, ties by id."""
        rows = await self.fetch(sql.EVENTS_AFTER, received_at_ms, event_id, limit)
        return [row_to_summary(row) for row in rows]

    async def find_event(self, event_id: str) -> EventRow | None:
        """One event, with its payload."""
        rows = await self.fetch(sql.FIND_EVENT, event_id)
        return row_to_event(rows[0]) if rows else None

    async def event_ids(self, state: EventState | None, *, after: str, limit: int) -> Sequence[str]:
        """A page of ids, in their order: those of one state, or all."""
        if state is None:
            rows = await self.fetch(sql.EVENT_IDS, after, limit)
        else:
            rows = await self.fetch(sql.EVENT_IDS_OF_STATE, state, after, limit)
        return [row[0] for row in rows]

    async def session_ids(self, *, after: str, limit: int) -> Sequence[str]:
        """A page of the sessions that have a payment or an event of their own, in their order."""
        return [row[0] for row in await self.fetch(sql.SESSION_IDS, after, limit)]

    async def prune_payloads(self, *, before_ms: int, limit: int) -> int:
        """Forget payloads of events received before that; how many."""
        return _count(await self.execute(sql.PRUNE, before_ms, limit))

    async def try_to_lead(self) -> bool:
        """Whether no other replica's transaction leads now."""
        rows = await self.fetch(sql.TRY_TO_LEAD, LOCKS_OF_THE_SERVICE, LEADER_LOCK)
        return bool(rows[0][0])

    async def stored_events(self, event_ids: Collection[str]) -> Sequence[StoredEvent]:
        """Those of these events that are kept."""
        return [row_to_stored_event(row) for row in await self._given(sql.STORED_EVENTS, event_ids)]

    async def settle(self, events: Collection[Settled]) -> None:
        """Write the states in which replayed events end."""
        if events:
            ids = [event.event_id for event in events]
            states = [event.state for event in events]
            await self.execute(sql.SETTLE, ids, states, [event.reason for event in events])

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
        rows = await self.fetch(sql.EVENTS_MENTIONING, list(object_ids), limit)
        return [row_to_stored_event(row) for row in rows]

    async def wake(self, event_ids: Collection[str]) -> None:
        """These events wait no longer."""
        self._unwritten.woken_ids.extend(event_ids)

    async def links(self, object_ids: Collection[str]) -> Collection[Link]:
        """To which payments these ids belong."""
        foreseen = self._still_true()
        links = foreseen.links(object_ids) if foreseen else None
        if links is None:
            links = [Link(*row) for row in await self._given(sql.LINKS, object_ids)]
        return links

    async def link(self, links: Collection[Link]) -> None:
        """Remember to which payments these ids belong."""
        self._unwritten.links.extend(links)

    async def payments(self, session_ids: Collection[str]) -> Mapping[str, Payment]:
        """The payments that exist already; nobody else changes them before the end."""
        foreseen = self._still_true()
        payments = foreseen.payments(session_ids) if foreseen else None
        if payments is None:
            text = sql.PAYMENTS if self._begin is TO_READ else sql.PAYMENTS_TO_CHANGE
            found = [row_to_payment(row) for row in await self._given(text, session_ids)]
            payments = {payment.session_id: payment for payment in found}
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
            parameters = (list(checkout_ids), list(checkout_ids.values()))
            sold = sold_by_session(await self.fetch(sql.SOLD, *parameters))
        return sold

    async def beat(self, at_ms: int) -> None:
        """Write the heartbeat's one row."""
        await self.execute(sql.BEAT, at_ms)

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
        rows = await self.fetch(sql.WRITE, *unwritten.parameters(events))
        return [row[0] for row in rows]

    def _still_true(self) -> Foreseen | None:
        """What was foreseen, unless this very transaction is about to change it."""
        return None if self._unwritten else self._foreseen

    async def _given(self, text: str, ids: Collection[str]) -> Sequence[Any]:
        """The rows of a query about some ids; about none there is nothing to ask."""
        return await self.fetch(text, list(ids)) if ids else ()


def _count(ending: str) -> int:
    """How many rows a statement changed, by its ending: `DELETE 3`."""
    return int(ending.rpartition(" ")[2])
