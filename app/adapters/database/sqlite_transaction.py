"""The statements of one SQLite transaction: the SQL, and who may call it when."""

import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import orjson

from app.adapters.database.rows import (
    CHECKOUT_COLUMNS,
    CLAIM_COLUMNS,
    EVENT_COLUMNS,
    PAYMENT_COLUMNS,
    checkout_to_row,
    claim_to_row,
    event_to_row,
    payment_to_row,
    row_to_claim,
    row_to_payment,
    row_to_stored_event,
)
from app.domain.money import Money
from app.usecases.records import (
    Checkout,
    Claim,
    EventRow,
    Link,
    Mention,
    Payment,
    Settled,
    StoredEvent,
)

FIND_CHECKOUT = f"SELECT {CHECKOUT_COLUMNS} FROM checkouts WHERE id = ?"
# One session id is one checkout's; should an upstream repeat one, the latest is meant.
FIND_CHECKOUT_OF_SESSION = (
    f"SELECT {CHECKOUT_COLUMNS} FROM checkouts WHERE session_id = ? ORDER BY id DESC LIMIT 1"
)
FIND_CLAIM = f"SELECT {CLAIM_COLUMNS} FROM idempotency_keys WHERE key_digest = ?"
FIND_PAYMENT = f"SELECT {PAYMENT_COLUMNS} FROM payments WHERE session_id = ?"
FIND_PAYMENTS_CLAIMING = f"SELECT {PAYMENT_COLUMNS} FROM payments WHERE checkout_id = ?"

_GIVEN = "(SELECT value FROM json_each(?))"  # a list as one parameter, so one text for all lengths

VERSIONS = f"""
    SELECT session_id, checkout_id, version FROM payments WHERE session_id IN {_GIVEN}
    UNION
    SELECT session_id, checkout_id, version FROM payments WHERE checkout_id IN {_GIVEN}
"""

_ADD_CHECKOUT = f"""
    INSERT INTO checkouts ({CHECKOUT_COLUMNS})
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
# The one place where a key changes hands: free, forgotten after its life, or left by the dead.
_CLAIM = f"""
    INSERT INTO idempotency_keys ({CLAIM_COLUMNS})
    VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (key_digest) DO UPDATE SET
        fingerprint = excluded.fingerprint, checkout_id = excluded.checkout_id,
        state = excluded.state, lease_until_ms = excluded.lease_until_ms,
        created_at_ms = excluded.created_at_ms
    WHERE idempotency_keys.created_at_ms < ?
       OR (idempotency_keys.state = 'creating'
           AND idempotency_keys.lease_until_ms < excluded.created_at_ms
           AND idempotency_keys.fingerprint = excluded.fingerprint)
"""
_FULFIL_CLAIM = """
    UPDATE idempotency_keys SET state = 'open' WHERE key_digest = ? AND checkout_id = ?
"""
_FREE_CLAIM = """
    DELETE FROM idempotency_keys WHERE key_digest = ? AND checkout_id = ? AND state = 'creating'
"""
_FORGET_CLAIMS = """
    DELETE FROM idempotency_keys WHERE key_digest IN (
        SELECT key_digest FROM idempotency_keys WHERE created_at_ms < ? LIMIT 500)
"""
# An event that once failed is taken as new when it comes again and can be folded now.
_ADD_EVENT = f"""
    INSERT INTO events ({EVENT_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET
        state = excluded.state, reason = excluded.reason, payload = excluded.payload
    WHERE events.state = 'failed' AND excluded.state <> 'failed'
"""
_KNOWN_EVENTS = f"SELECT id FROM events WHERE id IN {_GIVEN} AND state <> 'failed'"
_STORED_EVENTS = f"SELECT id, state, payload FROM events WHERE id IN {_GIVEN} ORDER BY id"
_EVENTS_MENTIONING = f"""
    SELECT id, state, payload FROM events WHERE id IN (
        SELECT event_id FROM event_mentions WHERE object_id IN {_GIVEN}) ORDER BY id
"""
_SETTLE = "UPDATE events SET state = ?, reason = ? WHERE id = ?"
_WAKE = "UPDATE events SET state = 'folded' WHERE id = ? AND state = 'waiting'"
_MENTION = "INSERT OR IGNORE INTO event_mentions (object_id, event_id) VALUES (?, ?)"
_LINKS = f"SELECT object_id, session_id FROM payment_links WHERE object_id IN {_GIVEN}"
_LINK = "INSERT OR IGNORE INTO payment_links (object_id, session_id) VALUES (?, ?)"
_PAYMENTS = f"SELECT {PAYMENT_COLUMNS} FROM payments WHERE session_id IN {_GIVEN}"
_SAVE_PAYMENT = """
    INSERT INTO payments (session_id, checkout_id, status, amount_total_minor, currency,
                          paid_at_s, facts, updated_at_ms, price_mismatch, version,
                          amount_refunded_minor, contradicted)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (session_id) DO UPDATE SET
        checkout_id = excluded.checkout_id, status = excluded.status,
        amount_total_minor = excluded.amount_total_minor, currency = excluded.currency,
        paid_at_s = excluded.paid_at_s, facts = excluded.facts,
        updated_at_ms = excluded.updated_at_ms, price_mismatch = excluded.price_mismatch,
        version = excluded.version, amount_refunded_minor = excluded.amount_refunded_minor,
        contradicted = excluded.contradicted
"""
_EXPECTED = """
    SELECT asked.key, expected_subtotal_minor, expected_currency
    FROM json_each(?1) AS asked JOIN checkouts ON checkouts.session_id = asked.key
    WHERE expected_currency IS NOT NULL
    UNION ALL
    SELECT asked.key, expected_subtotal_minor, expected_currency
    FROM json_each(?1) AS asked JOIN checkouts ON checkouts.id = asked.value
    WHERE expected_currency IS NOT NULL AND checkouts.session_id IS NULL
"""
_BEAT = """
    INSERT INTO heartbeat (id, at_ms) VALUES (1, ?)
    ON CONFLICT (id) DO UPDATE SET at_ms = excluded.at_ms
"""


class SqliteTransaction:
    """The statements of one transaction. Nothing here suspends: it runs in the writer thread."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> sqlite3.Cursor:
        """Run one statement."""
        return self._connection.execute(sql, parameters)

    async def add_checkout(self, checkout: Checkout) -> None:
        """Keep a checkout."""
        self.execute(_ADD_CHECKOUT, checkout_to_row(checkout))

    async def claim(self, claim: Claim, *, dead_before_ms: int) -> Claim:
        """Take a key if it may be taken; who holds it now."""
        self.execute(_CLAIM, (*claim_to_row(claim), dead_before_ms))
        row = self.execute(FIND_CLAIM, (claim.key_digest,)).fetchone()
        return row_to_claim(row)

    async def fulfil_claim(self, key_digest: str, checkout_id: str) -> bool:
        """Mark the key's checkout as made; False where another holds the key by now."""
        return self.execute(_FULFIL_CLAIM, (key_digest, checkout_id)).rowcount == 1

    async def free_claim(self, key_digest: str, checkout_id: str) -> None:
        """Give a key back whose checkout could not be made."""
        self.execute(_FREE_CLAIM, (key_digest, checkout_id))

    async def forget_claims(self, *, dead_before_ms: int) -> int:
        """Delete some of the keys older than that; how many there were."""
        return self.execute(_FORGET_CLAIMS, (dead_before_ms,)).rowcount

    async def lock(self, object_ids: Collection[str]) -> None:
        """Nothing is needed: SQLite has one writer, and this transaction is it."""

    async def known_events(self, event_ids: Collection[str]) -> Collection[str]:
        """Which of these are kept already and have not failed."""
        return {row[0] for row in self._given(_KNOWN_EVENTS, event_ids)}

    async def add_events(self, events: Sequence[EventRow]) -> Collection[str]:
        """Keep the events that are not there yet, and those that failed before."""
        return [
            event.id for event in events if self.execute(_ADD_EVENT, event_to_row(event)).rowcount
        ]

    async def stored_events(self, event_ids: Collection[str]) -> Sequence[StoredEvent]:
        """Those of these events that are kept."""
        return [row_to_stored_event(row) for row in self._given(_STORED_EVENTS, event_ids)]

    async def settle(self, events: Collection[Settled]) -> None:
        """Write the states in which replayed events end."""
        rows = [(event.state, event.reason, event.event_id) for event in events]
        self._connection.executemany(_SETTLE, rows)

    async def mention(self, mentions: Collection[Mention]) -> None:
        """Remember by which ids events can be found."""
        self._connection.executemany(_MENTION, mentions)

    async def events_mentioning(self, object_ids: Collection[str]) -> Sequence[StoredEvent]:
        """The events that speak of one of these ids."""
        return [row_to_stored_event(row) for row in self._given(_EVENTS_MENTIONING, object_ids)]

    async def wake(self, event_ids: Collection[str]) -> None:
        """These events wait no longer."""
        self._connection.executemany(_WAKE, [(event_id,) for event_id in event_ids])

    async def links(self, object_ids: Collection[str]) -> Collection[Link]:
        """To which payments these ids belong."""
        return [Link(*row) for row in self._given(_LINKS, object_ids)]

    async def link(self, links: Collection[Link]) -> None:
        """Remember to which payments these ids belong."""
        self._connection.executemany(_LINK, links)

    async def payments(self, session_ids: Collection[str]) -> Mapping[str, Payment]:
        """The payments that exist already, by session id."""
        found = (row_to_payment(row) for row in self._given(_PAYMENTS, session_ids))
        return {payment.session_id: payment for payment in found}

    async def save_payments(self, payments: Collection[Payment]) -> None:
        """Keep the payments as they are now."""
        self._connection.executemany(
            _SAVE_PAYMENT, [payment_to_row(payment) for payment in payments]
        )

    async def expected_subtotals(
        self, checkout_ids: Mapping[str, str | None]
    ) -> Mapping[str, Money]:
        """What the catalogue said that sessions' carts cost, by session id."""
        asked = orjson.dumps(checkout_ids).decode()
        return {
            session_id: Money(amount_minor=amount_minor, currency=currency)
            for session_id, amount_minor, currency in self.execute(_EXPECTED, (asked,))
        }

    async def beat(self, at_ms: int) -> None:
        """Write the heartbeat's one row."""
        self.execute(_BEAT, (at_ms,))

    async def commit(self) -> None:
        """Make everything above durable: the log is synced when this returns."""
        self.execute("COMMIT")

    def _given(self, sql: str, ids: Collection[str]) -> Iterable[Any]:
        """The rows of a query about some ids; about none there is nothing to ask."""
        return self.execute(sql, (given(ids),)) if ids else ()


def given(ids: Collection[str]) -> str:
    """A list as one parameter."""
    return orjson.dumps(list(ids)).decode()
