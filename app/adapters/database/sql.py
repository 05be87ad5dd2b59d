"""The SQL that both databases share, written once, for PostgreSQL.

Parameters and columns have names, like `:session_id`. A list is one parameter, an array, so the
text is the same for all lengths. `sqlite/statements.py` derives SQLite's text from it, and
`postgres/statements.py` numbers the parameters, as PostgreSQL's driver needs them. Both also
contain the statements that really differ.

Ids compare byte by byte because their columns do (COLLATE "C", see schema.py), in any database.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from app.domain.payments.claims import RECOVERIES_MAX

_CHECKOUT: Final = (
    "id",
    "created_at_ms",
    "mode",
    "line_items",
    "client_reference_id",
    "success_url",
    "cancel_url",
    "url",
    "session_id",
    "expected_subtotal_minor",
    "expected_currency",
    "expected_in_trial_minor",
    "key_digest",
    "created_by",
)
CHECKOUT_COLUMNS: Final = ", ".join(f"checkouts.{name}" for name in _CHECKOUT)
_NEW_CHECKOUT: Final = (*_CHECKOUT, "twin_key")
_CLAIM_COLUMNS: Final = "key_digest, fingerprint, checkout_id, state, lease_until_ms, created_at_ms"
PAYMENT_COLUMNS: Final = "session_id, facts, updated_at_ms, version, price_mismatch"
EVENT_COLUMNS: Final = (
    "id, type, created_s, received_at_ms, account, livemode, state, reason, payload, source"
)
_SUMMARY_COLUMNS: Final = (
    "id, type, created_s, received_at_ms, state, reason, source, payload IS NOT NULL AS has_payload"
)

# --- checkouts and the keys that they were started with

FIND_CHECKOUT = f"SELECT {CHECKOUT_COLUMNS} FROM checkouts WHERE id = :id"
# One session id is one checkout's; should an upstream repeat one, the latest is meant.
FIND_CHECKOUT_OF_SESSION = f"""
    SELECT {CHECKOUT_COLUMNS} FROM checkouts WHERE session_id = :id ORDER BY id DESC LIMIT 1
"""
# The nearest checkout among the sessions that this one recovers, one after the other.
FIND_CHECKOUT_RECOVERED = f"""
    WITH RECURSIVE origin (id, distance) AS (
        SELECT recovered_from, 1 FROM payments WHERE session_id = :id
        UNION SELECT recovered_from, distance + 1 FROM payments
              JOIN origin ON session_id = origin.id WHERE distance < {RECOVERIES_MAX}
    )
    SELECT {CHECKOUT_COLUMNS} FROM checkouts JOIN origin ON session_id = origin.id
    ORDER BY distance, checkouts.id DESC LIMIT 1
"""
CHECKOUTS_BETWEEN = """
    SELECT count(*) AS found FROM (
        SELECT 1 FROM checkouts WHERE id > :first_id AND id < :last_id LIMIT :limit) AS made
"""
ADD_CHECKOUT = f"""
    INSERT INTO checkouts ({", ".join(_NEW_CHECKOUT)})
    VALUES ({", ".join(f":{name}" for name in _NEW_CHECKOUT)})
"""
FIND_CLAIM = f"SELECT {_CLAIM_COLUMNS} FROM idempotency_keys WHERE key_digest = :key_digest"
# The one place where a key changes hands: it is unclaimed, expired, or its holder's lease ran out.
# A row that is not taken is locked all the same, so that nobody deletes it before it is read.
CLAIM = f"""
    INSERT INTO idempotency_keys ({_CLAIM_COLUMNS})
    VALUES (:key_digest, :fingerprint, :checkout_id, :state, :lease_until_ms, :created_at_ms)
    ON CONFLICT (key_digest) DO UPDATE SET
        fingerprint = excluded.fingerprint, checkout_id = excluded.checkout_id,
        state = excluded.state, lease_until_ms = excluded.lease_until_ms,
        created_at_ms = excluded.created_at_ms
    WHERE idempotency_keys.created_at_ms < :dead_before_ms
       OR (idempotency_keys.state = 'creating'
           AND idempotency_keys.lease_until_ms < excluded.created_at_ms
           AND idempotency_keys.fingerprint = excluded.fingerprint)
"""
FULFIL_CLAIM = """
    UPDATE idempotency_keys SET state = 'open'
    WHERE key_digest = :key_digest AND checkout_id = :checkout_id
"""
FREE_CLAIM = """
    DELETE FROM idempotency_keys
    WHERE key_digest = :key_digest AND checkout_id = :checkout_id AND state = 'creating'
"""
# ARRAY, not IN: PostgreSQL may join with what IN names, and then look for a limited set again, and
# find other rows in it, for each row of the table.
FORGET_CLAIMS = """
    DELETE FROM idempotency_keys WHERE key_digest = ANY(ARRAY(
        SELECT key_digest FROM idempotency_keys WHERE created_at_ms < :dead_before_ms LIMIT 500
        FOR UPDATE SKIP LOCKED))
"""

# --- events

FIND_EVENT = f"SELECT {EVENT_COLUMNS} FROM events WHERE id = :event_id"
LIST_EVENTS = f"""
    SELECT {_SUMMARY_COLUMNS} FROM events
    WHERE payload IS NOT NULL
      AND (:state::text IS NULL OR state = :state) AND (:type::text IS NULL OR type = :type)
    ORDER BY received_at_ms DESC, id DESC LIMIT :limit
"""
LIST_EVENTS_OF_PAYMENT = f"""
    SELECT {_SUMMARY_COLUMNS} FROM events
    WHERE id IN (
        SELECT event_id FROM event_mentions
        WHERE object_id = :payment
           OR object_id IN (SELECT object_id FROM payment_links WHERE session_id = :payment))
      AND (:state::text IS NULL OR state = :state) AND (:type::text IS NULL OR type = :type)
    ORDER BY received_at_ms DESC, id DESC LIMIT :limit
"""
EVENTS_AFTER = f"""
    SELECT {_SUMMARY_COLUMNS} FROM events
    WHERE payload IS NOT NULL AND received_at_ms >= :received_at_ms
      AND (received_at_ms > :received_at_ms OR id > :event_id)
    ORDER BY received_at_ms, id LIMIT :limit
"""
EVENT_IDS = "SELECT id FROM events WHERE id > :after ORDER BY id LIMIT :limit"
EVENT_IDS_OF_STATE = """
    SELECT id FROM events WHERE state = :state AND id > :after ORDER BY id LIMIT :limit
"""
# With the bodies that hold personal data.
_TO_PRUNE = """
    SELECT id, state, CASE WHEN type LIKE 'checkout.session.%' THEN payload END AS payload
    FROM events WHERE payload IS NOT NULL
"""
PRUNABLE = f"{_TO_PRUNE} AND received_at_ms < :before_ms LIMIT :limit FOR UPDATE SKIP LOCKED"
BODIES_TO_DELETE = f"{_TO_PRUNE} AND id = ANY(:ids::text[]) ORDER BY id FOR UPDATE"
BODIES_OF_NO_ORDER = """
    SELECT id, state, payload FROM events
    WHERE state = 'recorded' AND payload IS NOT NULL AND id > :after ORDER BY id LIMIT :limit
"""
PRUNE = "UPDATE events SET payload = NULL WHERE id = ANY(:ids::text[])"
ORDERS_OF_SESSIONS = """
    SELECT payments.session_id, coalesce(checkouts.id, payments.session_id) AS order_id
    FROM payments LEFT JOIN checkouts ON checkouts.session_id = payments.session_id
    WHERE payments.session_id = ANY(:ids::text[])
"""

# --- payments

FIND_PAYMENT = f"SELECT {PAYMENT_COLUMNS} FROM payments WHERE session_id = :id"
# A session that expired may be recovered, and the new one again: UNION stops where it has been.
FIND_RECOVERIES = f"""
    WITH RECURSIVE kin (id) AS (
        SELECT :id::text COLLATE "C"
        UNION SELECT session_id FROM payments JOIN kin ON recovered_from = kin.id
    )
    SELECT {PAYMENT_COLUMNS} FROM payments JOIN kin ON session_id = kin.id
"""
FIND_PAYMENTS_CLAIMING = f"SELECT {PAYMENT_COLUMNS} FROM payments WHERE checkout_id = :id"
# 'cs`' is what comes after every id that begins with 'cs_'.
SESSION_IDS = """
    SELECT session_id FROM payments WHERE session_id > :after
    UNION SELECT object_id FROM event_mentions
          WHERE object_id > :after AND object_id > 'cs_' AND object_id < 'cs`'
    ORDER BY 1 LIMIT :limit
"""
_VERSION: Final = "SELECT session_id, checkout_id, recovered_from, version FROM payments"
VERSIONS = f"""
    {_VERSION} WHERE session_id = ANY(:session_ids::text[])
    UNION {_VERSION} WHERE recovered_from = ANY(:session_ids::text[])
    UNION {_VERSION} WHERE checkout_id = ANY(:checkout_ids::text[])
"""

# --- the service itself

WRITE_HEARTBEAT = """
    INSERT INTO heartbeat (id, at_ms) VALUES (1, :at_ms)
    ON CONFLICT (id) DO UPDATE SET at_ms = excluded.at_ms
"""
WEBHOOK_SIGHTINGS = "SELECT kind, at_ms, reason, times FROM webhook_sightings"
SEE_WEBHOOK = """
    INSERT INTO webhook_sightings (kind, at_ms, reason, times)
    VALUES (:kind, :at_ms, :reason, :times)
    ON CONFLICT (kind) DO UPDATE
    SET at_ms = excluded.at_ms, reason = excluded.reason, times = excluded.times
"""


@dataclass(frozen=True, slots=True, eq=False)
class Writing:
    """How rows of a kind are written: `{rows}` in the text stands for the given rows.

    `columns` are the names of what is given, each with PostgreSQL's type.
    """

    text: str
    columns: Mapping[str, str]
