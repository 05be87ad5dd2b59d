"""The operations of a transaction on any database, with shared SQL."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence

from app.adapters.database import orders_sql, sql
from app.adapters.database.feed import prune_notifications
from app.adapters.database.fold_sql import Reading
from app.adapters.database.outbox_rows import new_to_row
from app.adapters.database.outbox_sql import ADD_NOTIFICATION
from app.adapters.database.outcome_rows import writings
from app.adapters.database.pruning import prune_payloads
from app.adapters.database.rows import (
    NamedValues,
    Row,
    checkout_to_row,
    claim_to_row,
    row_to_claim,
    row_to_event,
    row_to_sighting,
    row_to_summary,
    sighting_to_row,
)
from app.adapters.database.sql import Writing
from app.adapters.database.surroundings import questions, surroundings
from app.adapters.database.twins import changes_of_twins
from app.domain.fold.asking import Surroundings, Wanted
from app.domain.fold.outcome import Outcome
from app.domain.fold.records import EventState
from app.usecases.outbox import Posting
from app.usecases.records import (
    Checkout,
    Claim,
    EventQuery,
    EventRow,
    EventSummary,
    WebhookSighting,
)


class SqlTransaction(ABC):
    """One unit of work, over one connection. `posting` is for its new notifications."""

    def __init__(self, posting: Posting) -> None:
        self._posting = posting

    @abstractmethod
    async def ask(self, text: str, **values: object) -> Sequence[Row]:
        """Return the rows of one statement; a list is passed as an array."""

    @abstractmethod
    async def change(self, text: str, **values: object) -> int:
        """Run one statement; return how many rows it changed."""

    @abstractmethod
    async def look(
        self, readings: tuple[Reading, ...], values: NamedValues
    ) -> Mapping[Reading, Sequence[Row]]:
        """Return the rows of some reads, which share these parameters."""

    @abstractmethod
    async def write(self, kinds: Mapping[Writing, Sequence[NamedValues]]) -> Collection[str]:
        """Write rows of some kinds; return the ids of new events."""

    @abstractmethod
    async def lock(self, object_ids: Collection[str], *, wait: bool = True) -> bool:
        """Lock these ids until the end, so that no other transaction folds events with them."""

    @abstractmethod
    async def try_to_lead(self) -> bool:
        """Return whether no other replica's transaction does housekeeping now."""

    @abstractmethod
    async def commit(self) -> None:
        """Make everything durable: on disk when this returns."""

    async def look_around(self, wanted: Wanted) -> Surroundings:
        """Look up what is stored."""
        readings, values = questions(wanted)
        return surroundings(await self.look(readings, values)) if readings else Surroundings()

    async def record(self, events: Sequence[EventRow], outcome: Outcome) -> Collection[str]:
        """Write a fold's result, with its events; return the ids of the new ones."""
        kinds = writings(events, outcome, self._posting)
        new_ids = await self.write(kinds) if kinds else ()
        if self._posting.has_table and outcome.payments:
            silent = await changes_of_twins(self, outcome.payments)
            await self.write_rows(
                ADD_NOTIFICATION, [new_to_row(each, self._posting) for each in silent]
            )
        return new_ids

    async def write_rows(self, writing: Writing, rows: Sequence[NamedValues]) -> None:
        """Write rows of one kind."""
        if rows:
            await self.write({writing: rows})

    async def add_checkout(self, checkout: Checkout) -> None:
        """Store a checkout."""
        await self.change(sql.ADD_CHECKOUT, **checkout_to_row(checkout))

    async def claim(self, claim: Claim, *, dead_before_ms: int) -> Claim:
        """Take a key if possible; return who holds it now."""
        await self.change(sql.CLAIM, **claim_to_row(claim), dead_before_ms=dead_before_ms)
        (row,) = await self.ask(sql.FIND_CLAIM, key_digest=claim.key_digest)
        return row_to_claim(row)

    async def fulfil_claim(self, key_digest: str, checkout_id: str) -> bool:
        """Mark the key's checkout as created; False if another request holds the key now."""
        changed = await self.change(
            sql.FULFIL_CLAIM, key_digest=key_digest, checkout_id=checkout_id
        )
        return changed == 1

    async def free_claim(self, key_digest: str, checkout_id: str) -> None:
        """Free a key whose checkout could not be created."""
        await self.change(sql.FREE_CLAIM, key_digest=key_digest, checkout_id=checkout_id)

    async def forget_claims(self, *, dead_before_ms: int) -> int:
        """Delete some keys older than this; return how many."""
        return await self.change(sql.FORGET_CLAIMS, dead_before_ms=dead_before_ms)

    async def list_events(self, wanted: EventQuery) -> Sequence[EventSummary]:
        """Return the latest matching events."""
        values = {"state": wanted.state, "type": wanted.type, "limit": wanted.limit}
        if wanted.payment:
            rows = await self.ask(sql.LIST_EVENTS_OF_PAYMENT, **values, payment=wanted.payment)
        else:
            rows = await self.ask(sql.LIST_EVENTS, **values)
        return [row_to_summary(row) for row in rows]

    async def events_after(
        self, received_at_ms: int, event_id: str, *, limit: int
    ) -> Sequence[EventSummary]:
        """Return the next events in order of receipt, ties by id."""
        rows = await self.ask(
            sql.EVENTS_AFTER, received_at_ms=received_at_ms, event_id=event_id, limit=limit
        )
        return [row_to_summary(row) for row in rows]

    async def find_event(self, event_id: str) -> EventRow | None:
        """Return one event, with its payload."""
        rows = await self.ask(sql.FIND_EVENT, event_id=event_id)
        return row_to_event(rows[0]) if rows else None

    async def event_ids(self, state: EventState | None, *, after: str, limit: int) -> Sequence[str]:
        """Return a page of ids, in order: those of one state, or all."""
        if state is None:
            rows = await self.ask(sql.EVENT_IDS, after=after, limit=limit)
        else:
            rows = await self.ask(sql.EVENT_IDS_OF_STATE, state=state, after=after, limit=limit)
        return [row["id"] for row in rows]

    async def session_ids(self, *, after: str, limit: int) -> Sequence[str]:
        """Return a page of sessions with a payment or an event of their own, in order."""
        rows = await self.ask(sql.SESSION_IDS, after=after, limit=limit)
        return [row["session_id"] for row in rows]

    async def settle_checkouts(self, *, since_ms: int, limit: int) -> int:
        """Mark checkouts whose own payment is not open any more, or was attempted; how many."""
        await self.change(orders_sql.REOPEN_CHECKOUTS)
        settled = await self.change(orders_sql.SETTLE_CHECKOUTS, since_ms=since_ms, limit=limit)
        await self.change(orders_sql.MARK_ATTEMPTS, limit=limit)
        return settled + await self.change(orders_sql.NOTE_ATTEMPTS, limit=limit)

    async def prune_payloads(self, *, before_ms: int, now_ms: int, limit: int) -> int:
        """Delete payloads of events received before `before_ms`; return how many."""
        times_ms = {"before_ms": before_ms, "now_ms": now_ms}
        return await prune_payloads(self, self._posting, **times_ms, limit=limit)

    async def prune_notifications(self, *, before_ms: int, limit: int) -> int:
        """Forget some notifications of before that time that do not wait; how many."""
        return await prune_notifications(self, before_ms=before_ms, limit=limit)

    async def write_heartbeat(self, at_ms: int) -> None:
        """Write the heartbeat's one row."""
        await self.change(sql.WRITE_HEARTBEAT, at_ms=at_ms)

    async def webhook_sightings(self) -> Sequence[WebhookSighting]:
        """Return when webhooks last had each outcome."""
        return [row_to_sighting(row) for row in await self.ask(sql.WEBHOOK_SIGHTINGS)]

    async def see_webhooks(self, sightings: Collection[WebhookSighting]) -> None:
        """Store these, replacing earlier ones."""
        for sighting in sightings:
            await self.change(sql.SEE_WEBHOOK, **sighting_to_row(sighting))

    async def checkouts_between(self, first_id: str, last_id: str, *, limit: int) -> int:
        """Return how many checkouts have ids between these."""
        values = {"first_id": first_id, "last_id": last_id, "limit": limit}
        (row,) = await self.ask(sql.CHECKOUTS_BETWEEN, **values)
        return int(row["found"])
