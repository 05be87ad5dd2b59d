"""The SQL that SQLite is asked. A list of ids is one parameter: a JSON array."""

from app.adapters.database.rows import (
    CHECKOUT_COLUMNS,
    CLAIM_COLUMNS,
    EVENT_COLUMNS,
    PAYMENT_COLUMNS,
    RECOVERIES_MAX,
    SUMMARY_COLUMNS,
)

_OF_CHECKOUT = ", ".join(f"checkouts.{name.strip()}" for name in CHECKOUT_COLUMNS.split(","))

FIND_CHECKOUT = f"SELECT {CHECKOUT_COLUMNS} FROM checkouts WHERE id = ?"
# One session id is one checkout's; should an upstream repeat one, the latest is meant.
FIND_CHECKOUT_OF_SESSION = (
    f"SELECT {CHECKOUT_COLUMNS} FROM checkouts WHERE session_id = ? ORDER BY id DESC LIMIT 1"
)
# The nearest checkout among the sessions that this one recovers, one after the other.
FIND_CHECKOUT_RECOVERED = f"""
    WITH RECURSIVE origin (id, distance) AS (
        SELECT recovered_from, 1 FROM payments WHERE session_id = ?
        UNION SELECT recovered_from, distance + 1 FROM payments
              JOIN origin ON session_id = origin.id WHERE distance < {RECOVERIES_MAX}
    )
    SELECT {_OF_CHECKOUT} FROM checkouts JOIN origin ON session_id = origin.id
    ORDER BY distance, checkouts.id DESC LIMIT 1
"""
FIND_CLAIM = f"SELECT {CLAIM_COLUMNS} FROM idempotency_keys WHERE key_digest = ?"
FIND_PAYMENT = f"SELECT {PAYMENT_COLUMNS} FROM payments WHERE session_id = ?"
# A session that expired may be recovered, and the new one again: UNION stops where it has been.
FIND_RECOVERIES = f"""
    WITH RECURSIVE kin (id) AS (
        VALUES (?)
        UNION SELECT session_id FROM payments JOIN kin ON recovered_from = kin.id
    )
    SELECT {PAYMENT_COLUMNS} FROM payments JOIN kin ON session_id = kin.id
"""
FIND_PAYMENTS_CLAIMING = f"SELECT {PAYMENT_COLUMNS} FROM payments WHERE checkout_id = ?"

_GIVEN = "(SELECT value FROM json_each(?))"  # a list as one parameter, so one text for all lengths

VERSIONS = f"""
    SELECT session_id, checkout_id, recovered_from, version FROM payments
    WHERE session_id IN {_GIVEN}
    UNION
    SELECT session_id, checkout_id, recovered_from, version FROM payments
    WHERE recovered_from IN {_GIVEN}
    UNION
    SELECT session_id, checkout_id, recovered_from, version FROM payments
    WHERE checkout_id IN {_GIVEN}
"""

ADD_CHECKOUT = f"""
    INSERT INTO checkouts ({CHECKOUT_COLUMNS})
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
# The one place where a key changes hands: free, forgotten after its life, or left by the dead.
CLAIM = f"""
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
FULFIL_CLAIM = """
    UPDATE idempotency_keys SET state = 'open' WHERE key_digest = ? AND checkout_id = ?
"""
FREE_CLAIM = """
    DELETE FROM idempotency_keys WHERE key_digest = ? AND checkout_id = ? AND state = 'creating'
"""
FORGET_CLAIMS = """
    DELETE FROM idempotency_keys WHERE key_digest IN (
        SELECT key_digest FROM idempotency_keys WHERE created_at_ms < ? LIMIT 500)
"""
# An event that once failed is taken as new when it comes again and can be folded now.
ADD_EVENT = f"""
    INSERT INTO events ({EVENT_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET
        state = excluded.state, reason = excluded.reason, payload = excluded.payload
    WHERE events.state = 'failed' AND excluded.state <> 'failed'
"""
KNOWN_EVENTS = f"SELECT id FROM events WHERE id IN {_GIVEN} AND state <> 'failed'"
STORED_EVENTS = f"SELECT id, state, payload FROM events WHERE id IN {_GIVEN} ORDER BY id"
EVENTS_MENTIONING = f"""
    SELECT id, state, payload FROM events WHERE id IN (
        SELECT DISTINCT event_id FROM event_mentions WHERE object_id IN {_GIVEN} LIMIT ?)
    ORDER BY id
"""
EVENTS_OF_WAKE = """
    SELECT id, state, payload FROM events WHERE id IN (
        SELECT event_id FROM event_mentions WHERE object_id = ? AND event_id > ?
        ORDER BY event_id LIMIT ?)
    ORDER BY id
"""
PENDING_WAKES = "SELECT object_id, event_id FROM pending_wakes ORDER BY object_id LIMIT ?"
KEEP_WAKE = """
    INSERT INTO pending_wakes (object_id, event_id) VALUES (?, ?)
    ON CONFLICT (object_id) DO UPDATE SET event_id = excluded.event_id
"""
FORGET_WAKE = "DELETE FROM pending_wakes WHERE object_id = ?"
FIND_EVENT = f"SELECT {EVENT_COLUMNS} FROM events WHERE id = ?"
LIST_EVENTS = f"""
    SELECT {SUMMARY_COLUMNS} FROM events
    WHERE payload IS NOT NULL AND (?1 IS NULL OR state = ?1) AND (?2 IS NULL OR type = ?2)
    ORDER BY received_at_ms DESC, id DESC LIMIT ?3
"""
LIST_EVENTS_OF_PAYMENT = f"""
    SELECT {SUMMARY_COLUMNS} FROM events
    WHERE id IN (
        SELECT event_id FROM event_mentions
        WHERE object_id = ?4
           OR object_id IN (SELECT object_id FROM payment_links WHERE session_id = ?4))
      AND (?1 IS NULL OR state = ?1) AND (?2 IS NULL OR type = ?2)
    ORDER BY received_at_ms DESC, id DESC LIMIT ?3
"""
EVENTS_AFTER = f"""
    SELECT {SUMMARY_COLUMNS} FROM events
    WHERE payload IS NOT NULL AND received_at_ms >= ?1 AND (received_at_ms > ?1 OR id > ?2)
    ORDER BY received_at_ms, id LIMIT ?3
"""
EVENT_IDS = "SELECT id FROM events WHERE id > ? ORDER BY id LIMIT ?"
EVENT_IDS_OF_STATE = "SELECT id FROM events WHERE state = ? AND id > ? ORDER BY id LIMIT ?"
# 'cs`' is what comes after every id that begins with 'cs_'.
SESSION_IDS = """
    SELECT session_id FROM payments WHERE session_id > ?1
    UNION SELECT object_id FROM event_mentions
          WHERE object_id > ?1 AND object_id > 'cs_' AND object_id < 'cs`'
    ORDER BY 1 LIMIT ?2
"""
PRUNE = """
    UPDATE events SET payload = NULL WHERE id IN (
        SELECT id FROM events WHERE payload IS NOT NULL AND received_at_ms < ? LIMIT ?)
"""
SETTLE = "UPDATE events SET state = ?, reason = ? WHERE id = ?"
WAKE = "UPDATE events SET state = 'folded' WHERE id = ? AND state = 'waiting'"
MENTION = "INSERT OR IGNORE INTO event_mentions (object_id, event_id) VALUES (?, ?)"
LINKS = f"SELECT object_id, session_id FROM payment_links WHERE object_id IN {_GIVEN}"
LINK = "INSERT OR IGNORE INTO payment_links (object_id, session_id) VALUES (?, ?)"
PAYMENTS = f"SELECT {PAYMENT_COLUMNS} FROM payments WHERE session_id IN {_GIVEN}"
SAVE_PAYMENT = """
    INSERT INTO payments (session_id, checkout_id, status, amount_total_minor, currency,
                          paid_at_s, facts, updated_at_ms, price_mismatch, version,
                          amount_refunded_minor, contradicted, recovered_from)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (session_id) DO UPDATE SET
        checkout_id = excluded.checkout_id, status = excluded.status,
        amount_total_minor = excluded.amount_total_minor, currency = excluded.currency,
        paid_at_s = excluded.paid_at_s, facts = excluded.facts,
        updated_at_ms = excluded.updated_at_ms, price_mismatch = excluded.price_mismatch,
        version = excluded.version, amount_refunded_minor = excluded.amount_refunded_minor,
        contradicted = excluded.contradicted, recovered_from = excluded.recovered_from
"""
_ALL_RENEWALS = "SELECT session_id, invoice_id, facts FROM renewals"
RENEWALS = f"""
    {_ALL_RENEWALS} WHERE (session_id, invoice_id) IN (
        SELECT named.session_id, named.invoice_id FROM json_each(?) AS asked
        JOIN renewal_ids AS named ON named.session_id = json_extract(asked.value, '$[0]')
                                 AND named.object_id = json_extract(asked.value, '$[1]'))
"""
ALL_RENEWALS = f"{_ALL_RENEWALS} WHERE session_id = ?"
SAVE_RENEWAL = """
    INSERT INTO renewals (session_id, invoice_id, facts) VALUES (?, ?, ?)
    ON CONFLICT (session_id, invoice_id) DO UPDATE SET facts = excluded.facts
"""
NAME_RENEWAL = """
    INSERT OR IGNORE INTO renewal_ids (session_id, object_id, invoice_id) VALUES (?, ?, ?)
"""
FORGET_RENEWAL = "DELETE FROM renewals WHERE session_id = ? AND invoice_id = ?"
SOLD = """
    SELECT asked.key, session_id, key_digest, expected_subtotal_minor, expected_currency
    FROM json_each(?1) AS asked JOIN checkouts ON checkouts.session_id = asked.key
    UNION ALL
    SELECT asked.key, session_id, key_digest, expected_subtotal_minor, expected_currency
    FROM json_each(?1) AS asked JOIN checkouts ON checkouts.id = asked.value
    WHERE checkouts.session_id IS NOT asked.key
"""
BEAT = """
    INSERT INTO heartbeat (id, at_ms) VALUES (1, ?)
    ON CONFLICT (id) DO UPDATE SET at_ms = excluded.at_ms
"""

WEBHOOK_SIGHTINGS = "SELECT kind, at_ms, reason, times FROM webhook_sightings"
SEE_WEBHOOK = """
    INSERT INTO webhook_sightings (kind, at_ms, reason, times) VALUES (?, ?, ?, ?)
    ON CONFLICT (kind) DO UPDATE
    SET at_ms = excluded.at_ms, reason = excluded.reason, times = excluded.times
"""
CHECKOUTS_BETWEEN = """
    SELECT count(*) FROM (SELECT 1 FROM checkouts WHERE id > ? AND id < ? LIMIT ?) AS found
"""
