"""The SQL that PostgreSQL is asked. A list is one parameter, an array: one text for all lengths.

Ids compare byte by byte because their columns do (COLLATE "C", see schema.py), in any database.
"""

from app.adapters.database.rows import (
    CHECKOUT_COLUMNS,
    CLAIM_COLUMNS,
    EVENT_COLUMNS,
    PAYMENT_COLUMNS,
    RECOVERIES_MAX,
    SUMMARY_COLUMNS,
)

_OF_CHECKOUT = ", ".join(f"checkouts.{name.strip()}" for name in CHECKOUT_COLUMNS.split(","))

FIND_CHECKOUT = f"SELECT {CHECKOUT_COLUMNS} FROM checkouts WHERE id = $1"
# One session id is one checkout's; should an upstream repeat one, the latest is meant.
FIND_CHECKOUT_OF_SESSION = (
    f"SELECT {CHECKOUT_COLUMNS} FROM checkouts WHERE session_id = $1 ORDER BY id DESC LIMIT 1"
)
# The nearest checkout among the sessions that this one recovers, one after the other.
FIND_CHECKOUT_RECOVERED = f"""
    WITH RECURSIVE origin (id, distance) AS (
        SELECT recovered_from, 1 FROM payments WHERE session_id = $1
        UNION SELECT recovered_from, distance + 1 FROM payments
              JOIN origin ON session_id = origin.id WHERE distance < {RECOVERIES_MAX}
    )
    SELECT {_OF_CHECKOUT} FROM checkouts JOIN origin ON session_id = origin.id
    ORDER BY distance, checkouts.id DESC LIMIT 1
"""
FIND_CLAIM = f"SELECT {CLAIM_COLUMNS} FROM idempotency_keys WHERE key_digest = $1"
FIND_PAYMENT = f"SELECT {PAYMENT_COLUMNS} FROM payments WHERE session_id = $1"
# A session that expired may be recovered, and the new one again: UNION stops where it has been.
FIND_RECOVERIES = f"""
    WITH RECURSIVE kin (id) AS (
        SELECT $1::text COLLATE "C"
        UNION SELECT session_id FROM payments JOIN kin ON recovered_from = kin.id
    )
    SELECT {PAYMENT_COLUMNS} FROM payments JOIN kin ON session_id = kin.id
"""
FIND_PAYMENTS_CLAIMING = f"SELECT {PAYMENT_COLUMNS} FROM payments WHERE checkout_id = $1"
VERSIONS = """
    SELECT session_id, checkout_id, recovered_from, version FROM payments
    WHERE session_id = ANY($1::text[])
    UNION
    SELECT session_id, checkout_id, recovered_from, version FROM payments
    WHERE recovered_from = ANY($2::text[])
    UNION
    SELECT session_id, checkout_id, recovered_from, version FROM payments
    WHERE checkout_id = ANY($3::text[])
"""

ADD_CHECKOUT = f"""
    INSERT INTO checkouts ({CHECKOUT_COLUMNS})
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
"""
# The one place where a key changes hands: free, forgotten after its life, or left by the dead.
# A row that is not taken is locked all the same, so that nobody deletes it before it is read.
CLAIM = f"""
    INSERT INTO idempotency_keys ({CLAIM_COLUMNS})
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (key_digest) DO UPDATE SET
        fingerprint = excluded.fingerprint, checkout_id = excluded.checkout_id,
        state = excluded.state, lease_until_ms = excluded.lease_until_ms,
        created_at_ms = excluded.created_at_ms
    WHERE idempotency_keys.created_at_ms < $7
       OR (idempotency_keys.state = 'creating'
           AND idempotency_keys.lease_until_ms < excluded.created_at_ms
           AND idempotency_keys.fingerprint = excluded.fingerprint)
"""
FULFIL_CLAIM = """
    UPDATE idempotency_keys SET state = 'open' WHERE key_digest = $1 AND checkout_id = $2
"""
FREE_CLAIM = """
    DELETE FROM idempotency_keys WHERE key_digest = $1 AND checkout_id = $2 AND state = 'creating'
"""
# ARRAY, not IN: PostgreSQL may join with what IN names, and then find a limited set anew, with
# other rows in it, for each row of the table.
FORGET_CLAIMS = """
    DELETE FROM idempotency_keys WHERE key_digest = ANY(ARRAY(
        SELECT key_digest FROM idempotency_keys WHERE created_at_ms < $1 LIMIT 500
        FOR UPDATE SKIP LOCKED))
"""
KNOWN_EVENTS = "SELECT id FROM events WHERE id = ANY($1::text[]) AND state <> 'failed'"
STORED_EVENTS = "SELECT id, state, payload FROM events WHERE id = ANY($1::text[]) ORDER BY id"
EVENTS_MENTIONING = """
    SELECT id, state, payload FROM events WHERE id = ANY(ARRAY(
        SELECT DISTINCT event_id FROM event_mentions WHERE object_id = ANY($1::text[]) LIMIT $2))
    ORDER BY id
"""
# ARRAY, for the same reason as with FORGET_CLAIMS.
EVENTS_OF_WAKE = """
    SELECT id, state, payload FROM events WHERE id = ANY(ARRAY(
        SELECT event_id FROM event_mentions WHERE object_id = $1 AND event_id > $2
        ORDER BY event_id LIMIT $3))
    ORDER BY id
"""
PENDING_WAKES = "SELECT object_id, event_id FROM pending_wakes ORDER BY object_id LIMIT $1"
KEEP_WAKES = """
    INSERT INTO pending_wakes (object_id, event_id) SELECT * FROM unnest($1::text[], $2::text[])
    ON CONFLICT (object_id) DO UPDATE SET event_id = excluded.event_id
"""
FORGET_WAKES = "DELETE FROM pending_wakes WHERE object_id = ANY($1::text[])"
FIND_EVENT = f"SELECT {EVENT_COLUMNS} FROM events WHERE id = $1"
LIST_EVENTS = f"""
    SELECT {SUMMARY_COLUMNS} FROM events
    WHERE payload IS NOT NULL
      AND ($1::text IS NULL OR state = $1) AND ($2::text IS NULL OR type = $2)
    ORDER BY received_at_ms DESC, id DESC LIMIT $3
"""
LIST_EVENTS_OF_PAYMENT = f"""
    SELECT {SUMMARY_COLUMNS} FROM events
    WHERE id IN (
        SELECT event_id FROM event_mentions
        WHERE object_id = $4
           OR object_id IN (SELECT object_id FROM payment_links WHERE session_id = $4))
      AND ($1::text IS NULL OR state = $1) AND ($2::text IS NULL OR type = $2)
    ORDER BY received_at_ms DESC, id DESC LIMIT $3
"""
EVENTS_AFTER = f"""
    SELECT {SUMMARY_COLUMNS} FROM events
    WHERE payload IS NOT NULL AND received_at_ms >= $1 AND (received_at_ms > $1 OR id > $2)
    ORDER BY received_at_ms, id LIMIT $3
"""
EVENT_IDS = "SELECT id FROM events WHERE id > $1 ORDER BY id LIMIT $2"
EVENT_IDS_OF_STATE = "SELECT id FROM events WHERE state = $1 AND id > $2 ORDER BY id LIMIT $3"
# 'cs`' is what comes after every id that begins with 'cs_'.
SESSION_IDS = """
    SELECT session_id FROM payments WHERE session_id > $1
    UNION SELECT object_id FROM event_mentions
          WHERE object_id > $1 AND object_id > 'cs_' AND object_id < 'cs`'
    ORDER BY 1 LIMIT $2
"""
PRUNE = """
    UPDATE events SET payload = NULL WHERE id = ANY(ARRAY(
        SELECT id FROM events WHERE payload IS NOT NULL AND received_at_ms < $1 LIMIT $2
        FOR UPDATE SKIP LOCKED))
"""
TRY_TO_LEAD = "SELECT pg_try_advisory_xact_lock($1, $2)"
SETTLE = """
    UPDATE events SET state = settled.state, reason = settled.reason
    FROM unnest($1::text[], $2::text[], $3::text[]) AS settled (id, state, reason)
    WHERE events.id = settled.id
"""
LINKS = "SELECT object_id, session_id FROM payment_links WHERE object_id = ANY($1::text[])"
PAYMENTS = f"SELECT {PAYMENT_COLUMNS} FROM payments WHERE session_id = ANY($1::text[])"
# Two replicas may reach a payment by different ids: whoever comes second waits, and reads anew.
PAYMENTS_TO_CHANGE = f"{PAYMENTS} ORDER BY session_id FOR UPDATE"
# What the fold of a batch asks, at once: which events are known ('e'), and of the ids that they
# mention the links ('l'), whether an event speaks of it ('m'), what our own checkouts' carts cost
# ('c'), and the payments ('p'), locked as PAYMENTS_TO_CHANGE locks them.
FORESEE = f"""
    WITH linked AS ({LINKS.replace("$1", "$2")}),
    touched AS (
        SELECT {PAYMENT_COLUMNS} FROM payments
        WHERE session_id = ANY(ARRAY(SELECT session_id FROM linked UNION SELECT unnest($2::text[])))
        ORDER BY session_id FOR UPDATE
    )
    SELECT 'e', id, NULL, NULL::bigint, NULL::bigint, NULL::boolean, NULL
    FROM ({KNOWN_EVENTS}) AS known
    UNION ALL
    SELECT 'l', object_id, session_id, NULL, NULL, NULL, NULL FROM linked
    UNION ALL
    SELECT 'm', asked.id, NULL, NULL, NULL, NULL, NULL FROM unnest($2::text[]) AS asked (id)
    WHERE EXISTS (SELECT FROM event_mentions WHERE object_id = asked.id)
    UNION ALL
    SELECT 'c', session_id, expected_currency, expected_subtotal_minor, NULL, NULL, key_digest
    FROM checkouts
    WHERE session_id = ANY($2::text[])
    UNION ALL
    SELECT 'p', {PAYMENT_COLUMNS}, NULL FROM touched
"""
# All that a batch writes, at once. An event that once failed is taken as new when it comes again
# and can be folded now. The foreign key of links is checked when all of it has been done.
WRITE = f"""
    WITH mentioned AS (
        INSERT INTO event_mentions (object_id, event_id)
        SELECT * FROM unnest($1::text[], $2::text[]) ON CONFLICT DO NOTHING
    ),
    linked AS (
        INSERT INTO payment_links (object_id, session_id)
        SELECT * FROM unnest($3::text[], $4::text[]) ON CONFLICT DO NOTHING
    ),
    woken AS (
        UPDATE events SET state = 'folded' WHERE id = ANY($5::text[]) AND state = 'waiting'
    ),
    saved AS (
        INSERT INTO payments (session_id, checkout_id, status, amount_total_minor, currency,
                              paid_at_s, facts, updated_at_ms, price_mismatch, version,
                              amount_refunded_minor, contradicted, recovered_from)
        SELECT * FROM unnest($6::text[], $7::text[], $8::text[], $9::bigint[], $10::text[],
                             $11::bigint[], $12::text[], $13::bigint[], $14::boolean[],
                             $15::bigint[], $16::bigint[], $17::boolean[], $18::text[])
        ON CONFLICT (session_id) DO UPDATE SET
            checkout_id = excluded.checkout_id, status = excluded.status,
            amount_total_minor = excluded.amount_total_minor, currency = excluded.currency,
            paid_at_s = excluded.paid_at_s, facts = excluded.facts,
            updated_at_ms = excluded.updated_at_ms, price_mismatch = excluded.price_mismatch,
            version = excluded.version, amount_refunded_minor = excluded.amount_refunded_minor,
            contradicted = excluded.contradicted, recovered_from = excluded.recovered_from
    )
    INSERT INTO events ({EVENT_COLUMNS})
    SELECT * FROM unnest($19::text[], $20::text[], $21::bigint[], $22::bigint[], $23::text[],
                         $24::boolean[], $25::text[], $26::text[], $27::bytea[])
    ON CONFLICT (id) DO UPDATE SET
        state = excluded.state, reason = excluded.reason, payload = excluded.payload
    WHERE events.state = 'failed' AND excluded.state <> 'failed'
    RETURNING id
"""
RENEWALS = """
    SELECT DISTINCT renewals.session_id, renewals.invoice_id, renewals.facts
    FROM unnest($1::text[], $2::text[]) AS asked (session_id, object_id)
    JOIN renewal_ids AS named USING (session_id, object_id)
    JOIN renewals USING (session_id, invoice_id)
"""
ALL_RENEWALS = "SELECT session_id, invoice_id, facts FROM renewals WHERE session_id = $1"
SAVE_RENEWALS = """
    WITH named AS (
        INSERT INTO renewal_ids (session_id, object_id, invoice_id)
        SELECT * FROM unnest($4::text[], $5::text[], $6::text[]) ON CONFLICT DO NOTHING
    )
    INSERT INTO renewals (session_id, invoice_id, facts)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[])
    ON CONFLICT (session_id, invoice_id) DO UPDATE SET facts = excluded.facts
"""
FORGET_RENEWALS = """
    DELETE FROM renewals USING unnest($1::text[], $2::text[]) AS gone (session_id, invoice_id)
    WHERE renewals.session_id = gone.session_id AND renewals.invoice_id = gone.invoice_id
"""
SOLD = """
    SELECT asked.session_id, checkouts.session_id, key_digest, expected_subtotal_minor,
           expected_currency
    FROM unnest($1::text[], $2::text[]) AS asked (session_id, checkout_id)
    JOIN checkouts ON checkouts.session_id = asked.session_id
    UNION ALL
    SELECT asked.session_id, checkouts.session_id, key_digest, expected_subtotal_minor,
           expected_currency
    FROM unnest($1::text[], $2::text[]) AS asked (session_id, checkout_id)
    JOIN checkouts ON checkouts.id = asked.checkout_id
    WHERE checkouts.session_id IS DISTINCT FROM asked.session_id
"""
BEAT = """
    INSERT INTO heartbeat (id, at_ms) VALUES (1, $1)
    ON CONFLICT (id) DO UPDATE SET at_ms = excluded.at_ms
"""

WEBHOOK_SIGHTINGS = "SELECT kind, at_ms, reason, times FROM webhook_sightings"
SEE_WEBHOOK = """
    INSERT INTO webhook_sightings (kind, at_ms, reason, times) VALUES ($1, $2, $3, $4)
    ON CONFLICT (kind) DO UPDATE
    SET at_ms = excluded.at_ms, reason = excluded.reason, times = excluded.times
"""
CHECKOUTS_BETWEEN = """
    SELECT count(*) FROM (SELECT 1 FROM checkouts WHERE id > $1 AND id < $2 LIMIT $3) AS found
"""

# One transaction at a time reads, judges and writes them: the third of LOCKS_OF_THE_SERVICE.
LOCK_SIGHTINGS = "SELECT pg_advisory_xact_lock(1634497646, 3)"
