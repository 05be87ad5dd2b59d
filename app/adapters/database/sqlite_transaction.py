"""The statements of one SQLite transaction: the SQL, and who may call it when."""

import sqlite3
from collections.abc import Collection, Mapping, Sequence

from app.adapters.database.rows import (
    CHECKOUT_COLUMNS,
    CLAIM_COLUMNS,
    PAYMENT_COLUMNS,
    checkout_to_row,
    claim_to_row,
    event_to_row,
    payment_to_row,
    row_to_claim,
    row_to_payment,
)
from app.domain.money import Money
from app.usecases.ports import Checkout, Claim, EventRow, Payment

FIND_CHECKOUT = f"SELECT {CHECKOUT_COLUMNS} FROM checkouts WHERE id = ?"
# One session id is one checkout's; should an upstream repeat one, the latest is meant.
FIND_CHECKOUT_OF_SESSION = (
    f"SELECT {CHECKOUT_COLUMNS} FROM checkouts WHERE session_id = ? ORDER BY id DESC LIMIT 1"
)
FIND_CLAIM = f"SELECT {CLAIM_COLUMNS} FROM idempotency_keys WHERE key_digest = ?"
FIND_PAYMENT = f"SELECT {PAYMENT_COLUMNS} FROM payments WHERE session_id = ?"
FIND_PAYMENTS_CLAIMING = f"SELECT {PAYMENT_COLUMNS} FROM payments WHERE checkout_id = ?"

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
_ADD_EVENT = """
    INSERT INTO events (id, type, created_s, received_at_ms, account, livemode, state, reason,
                        payload)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET state = excluded.state, reason = excluded.reason
    WHERE events.state = 'failed' AND excluded.state <> 'failed'
"""
_SAVE_PAYMENT = """
    INSERT INTO payments (session_id, checkout_id, status, amount_total_minor, currency,
                          paid_at_s, facts, updated_at_ms, price_mismatch)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (session_id) DO UPDATE SET
        checkout_id = excluded.checkout_id, status = excluded.status,
        amount_total_minor = excluded.amount_total_minor, currency = excluded.currency,
        paid_at_s = excluded.paid_at_s, facts = excluded.facts,
        updated_at_ms = excluded.updated_at_ms, price_mismatch = excluded.price_mismatch
"""
_EXPECTED = """
    SELECT expected_subtotal_minor, expected_currency FROM checkouts
    WHERE (session_id = ? OR (session_id IS NULL AND id = ?)) AND expected_currency IS NOT NULL
"""
_LINK = """
    INSERT INTO payment_links (object_id, session_id) VALUES (?, ?)
    ON CONFLICT (object_id) DO NOTHING
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

    async def add_events(self, events: Sequence[EventRow]) -> Collection[str]:
        """Keep the events that are not there yet, and those that failed before."""
        return [
            event.id for event in events if self.execute(_ADD_EVENT, event_to_row(event)).rowcount
        ]

    async def payments(self, session_ids: Collection[str]) -> Mapping[str, Payment]:
        """The payments that exist already, by session id."""
        found: dict[str, Payment] = {}
        for session_id in session_ids:
            row = self.execute(FIND_PAYMENT, (session_id,)).fetchone()
            if row is not None:
                found[session_id] = row_to_payment(row)
        return found

    async def expected_subtotal(self, session_id: str, checkout_id: str | None) -> Money | None:
        """What the catalogue said that this session's cart costs."""
        row = self.execute(_EXPECTED, (session_id, checkout_id)).fetchone()
        return Money(amount_minor=row[0], currency=row[1]) if row else None

    async def beat(self, at_ms: int) -> None:
        """Write the heartbeat's one row."""
        self.execute(_BEAT, (at_ms,))

    async def save_payments(self, payments: Collection[Payment]) -> None:
        """Keep the payments as they are now."""
        self._connection.executemany(
            _SAVE_PAYMENT, [payment_to_row(payment) for payment in payments]
        )

    async def link(self, linked_ids: Mapping[str, str]) -> None:
        """Remember to which session's payment each of these Stripe ids belongs."""
        self._connection.executemany(_LINK, list(linked_ids.items()))

    async def commit(self) -> None:
        """Make everything above durable: the log is synced when this returns."""
        self.execute("COMMIT")
