"""One SQLite transaction: what the use cases may do in it, row by row."""

import sqlite3
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import astuple
from typing import Any

import orjson

from app.adapters.database.commit_mark import CommitMark
from app.adapters.database.rows import (
    checkout_to_row,
    claim_to_row,
    event_to_row,
    payment_to_row,
    renewal_to_names,
    renewal_to_row,
    row_to_claim,
    row_to_event,
    row_to_payment,
    row_to_renewal,
    row_to_sighting,
    row_to_stored_event,
    row_to_summary,
    sold_by_session,
)
from app.adapters.database.sqlite import statements as sql
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
    Renewal,
    Settled,
    SoldCheckout,
    StoredEvent,
    Wake,
    WebhookSighting,
)

NO_LIMIT = -1  # SQLite's own word for it


class SqliteTransaction:
    """The statements of one transaction. Nothing here suspends: it runs in the writer thread."""

    def __init__(
        self, connection: sqlite3.Connection, mark: CommitMark, *, give_up_at: float
    ) -> None:
        self._connection = connection
        self._mark = mark
        self._give_up_at = give_up_at

    def execute(self, text: str, parameters: Sequence[object] = ()) -> sqlite3.Cursor:
        """Run one statement."""
        return self._connection.execute(text, parameters)

    async def add_checkout(self, checkout: Checkout) -> None:
        """Keep a checkout."""
        self.execute(sql.ADD_CHECKOUT, checkout_to_row(checkout))

    async def claim(self, claim: Claim, *, dead_before_ms: int) -> Claim:
        """Take a key if it may be taken; who holds it now."""
        self.execute(sql.CLAIM, (*claim_to_row(claim), dead_before_ms))
        row = self.execute(sql.FIND_CLAIM, (claim.key_digest,)).fetchone()
        return row_to_claim(row)

    async def fulfil_claim(self, key_digest: str, checkout_id: str) -> bool:
        """Mark the key's checkout as made; False where another holds the key by now."""
        return self.execute(sql.FULFIL_CLAIM, (key_digest, checkout_id)).rowcount == 1

    async def free_claim(self, key_digest: str, checkout_id: str) -> None:
        """Give a key back whose checkout could not be made."""
        self.execute(sql.FREE_CLAIM, (key_digest, checkout_id))

    async def forget_claims(self, *, dead_before_ms: int) -> int:
        """Delete some of the keys older than that; how many there were."""
        return self.execute(sql.FORGET_CLAIMS, (dead_before_ms,)).rowcount

    async def lock(self, object_ids: Collection[str]) -> None:
        """Nothing is needed: SQLite has one writer, and this transaction is it."""

    async def try_lock(self, _: Collection[str]) -> bool:
        """Nobody else writes."""
        return True

    async def known_events(self, event_ids: Collection[str]) -> Collection[str]:
        """Which of these are kept already and have not failed."""
        return {row[0] for row in self._given(sql.KNOWN_EVENTS, event_ids)}

    async def add_events(self, events: Sequence[EventRow]) -> Collection[str]:
        """Keep the events that are not there yet, and those that failed before."""
        return [
            event.id
            for event in events
            if self.execute(sql.ADD_EVENT, event_to_row(event)).rowcount
        ]

    async def list_events(self, wanted: EventQuery) -> Sequence[EventSummary]:
        """The latest events of a kind."""
        text = sql.LIST_EVENTS_OF_PAYMENT if wanted.payment else sql.LIST_EVENTS
        parameters = (wanted.state, wanted.type, wanted.limit, wanted.payment)
        rows = self.execute(text, parameters if wanted.payment else parameters[:3])
        return [row_to_summary(row) for row in rows]

    async def events_after(
        self, received_at_ms: int, event_id: str, *, limit: int
    ) -> Sequence[EventSummary]:
        """The next events in the order in which they were received, ties by id."""
        rows = self.execute(sql.EVENTS_AFTER, (received_at_ms, event_id, limit))
        return [row_to_summary(row) for row in rows]

    async def find_event(self, event_id: str) -> EventRow | None:
        """One event, with its payload."""
        row = self.execute(sql.FIND_EVENT, (event_id,)).fetchone()
        return row_to_event(row) if row else None

    async def event_ids(self, state: EventState | None, *, after: str, limit: int) -> Sequence[str]:
        """A page of ids, in their order: those of one state, or all."""
        if state is None:
            rows = self.execute(sql.EVENT_IDS, (after, limit))
        else:
            rows = self.execute(sql.EVENT_IDS_OF_STATE, (state, after, limit))
        return [row[0] for row in rows]

    async def session_ids(self, *, after: str, limit: int) -> Sequence[str]:
        """A page of the sessions that have a payment or an event of their own, in their order."""
        return [row[0] for row in self.execute(sql.SESSION_IDS, (after, limit))]

    async def prune_payloads(self, *, before_ms: int, limit: int) -> int:
        """Forget payloads of events received before that; how many."""
        return self.execute(sql.PRUNE, (before_ms, limit)).rowcount

    async def try_to_lead(self) -> bool:
        """SQLite serves one process."""
        return True

    async def stored_events(self, event_ids: Collection[str]) -> Sequence[StoredEvent]:
        """Those of these events that are kept."""
        return [row_to_stored_event(row) for row in self._given(sql.STORED_EVENTS, event_ids)]

    async def settle(self, events: Collection[Settled]) -> None:
        """Write the states in which replayed events end."""
        rows = [(event.state, event.reason, event.event_id) for event in events]
        self._connection.executemany(sql.SETTLE, rows)

    async def mention(self, mentions: Collection[Mention]) -> None:
        """Remember by which ids events can be found."""
        self._connection.executemany(sql.MENTION, mentions)

    async def events_mentioning(
        self, object_ids: Collection[str], *, limit: int | None = None
    ) -> Sequence[StoredEvent]:
        """The events that speak of one of these ids."""
        if not object_ids:
            return []
        parameters = (given(object_ids), NO_LIMIT if limit is None else limit)
        return [row_to_stored_event(row) for row in self.execute(sql.EVENTS_MENTIONING, parameters)]

    async def events_of_wake(self, wake: Wake, *, limit: int) -> Sequence[StoredEvent]:
        """The next events that a wake is about, in the order of their ids."""
        rows = self.execute(sql.EVENTS_OF_WAKE, (*wake, limit))
        return [row_to_stored_event(row) for row in rows]

    async def pending_wakes(self, *, limit: int) -> Sequence[Wake]:
        """What is left to be woken, in the order of the objects' ids."""
        return [Wake(*row) for row in self.execute(sql.PENDING_WAKES, (limit,))]

    async def keep_wakes(self, wakes: Collection[Wake]) -> None:
        """Leave these to a later transaction."""
        self._connection.executemany(sql.KEEP_WAKE, wakes)

    async def forget_wakes(self, object_ids: Collection[str]) -> None:
        """All events that speak of these objects are awake."""
        self._connection.executemany(sql.FORGET_WAKE, [(object_id,) for object_id in object_ids])

    async def wake(self, event_ids: Collection[str]) -> None:
        """These events wait no longer."""
        self._connection.executemany(sql.WAKE, [(event_id,) for event_id in event_ids])

    async def links(self, object_ids: Collection[str]) -> Collection[Link]:
        """To which payments these ids belong."""
        return [Link(*row) for row in self._given(sql.LINKS, object_ids)]

    async def link(self, links: Collection[Link]) -> None:
        """Remember to which payments these ids belong."""
        self._connection.executemany(sql.LINK, links)

    async def payments(self, session_ids: Collection[str]) -> Mapping[str, Payment]:
        """The payments that exist already, by session id."""
        found = (row_to_payment(row) for row in self._given(sql.PAYMENTS, session_ids))
        return {payment.session_id: payment for payment in found}

    async def save_payments(self, payments: Collection[Payment]) -> None:
        """Keep the payments as they are now."""
        self._connection.executemany(
            sql.SAVE_PAYMENT, [payment_to_row(payment) for payment in payments]
        )

    async def renewals(self, object_ids: Mapping[str, Collection[str]]) -> Sequence[Renewal]:
        """The renewals that hold or name one of these ids, asked by session id."""
        asked = orjson.dumps([(key, id_) for key, ids in object_ids.items() for id_ in ids])
        return [row_to_renewal(row) for row in self.execute(sql.RENEWALS, (asked.decode(),))]

    async def all_renewals(self, session_id: str) -> Sequence[Renewal]:
        """Every renewal of a session's subscription."""
        return [row_to_renewal(row) for row in self.execute(sql.ALL_RENEWALS, (session_id,))]

    async def save_renewals(self, renewals: Collection[Renewal]) -> None:
        """Keep these renewals as they are now; forget those without facts."""
        rows = [renewal_to_row(renewal) for renewal in renewals]
        self._connection.executemany(sql.SAVE_RENEWAL, [row for row in rows if row[2]])
        self._connection.executemany(sql.FORGET_RENEWAL, [row[:2] for row in rows if not row[2]])
        names = [name for renewal in renewals for name in renewal_to_names(renewal)]
        self._connection.executemany(sql.NAME_RENEWAL, names)

    async def sold_checkouts(
        self, checkout_ids: Mapping[str, str | None]
    ) -> Mapping[str, SoldCheckout]:
        """The checkouts that sessions pay, or claim to; by session id."""
        rows = list(self.execute(sql.SOLD, (orjson.dumps(checkout_ids).decode(),)))
        return sold_by_session(rows)

    async def beat(self, at_ms: int) -> None:
        """Write the heartbeat's one row."""
        self.execute(sql.BEAT, (at_ms,))

    async def webhook_sightings(self) -> Sequence[WebhookSighting]:
        """When webhooks were last taken, refused and so on."""
        return [row_to_sighting(row) for row in self.execute(sql.WEBHOOK_SIGHTINGS)]

    async def see_webhooks(self, sightings: Collection[WebhookSighting]) -> None:
        """Keep these in the place of the former ones."""
        self._connection.executemany(sql.SEE_WEBHOOK, map(astuple, sightings))

    async def checkouts_between(self, first_id: str, last_id: str, *, limit: int) -> int:
        """How many checkouts have ids between these."""
        parameters = (first_id, last_id, limit)
        return int(self.execute(sql.CHECKOUTS_BETWEEN, parameters).fetchone()[0])

    async def commit(self) -> None:
        """Make everything above durable: the log is synced when this returns.

        Raises:
            TimeoutError: it is too late, nobody waits any more; nothing was committed.
        """
        if time.monotonic() >= self._give_up_at:
            raise TimeoutError("the transaction took too long")
        self._mark.is_sent = True
        self.execute("COMMIT")

    def _given(self, text: str, ids: Collection[str]) -> Iterable[Any]:
        """The rows of a query about some ids; about none there is nothing to ask."""
        return self.execute(text, (given(ids),)) if ids else ()


def given(ids: Collection[str]) -> str:
    """A list as one parameter."""
    return orjson.dumps(list(ids)).decode()
