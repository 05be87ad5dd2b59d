"""The SQL for orders, in the form of `sql.py`; `order_lists_sql.py` has their lists."""

from typing import Final

from app.adapters.database.sql import CHECKOUT_COLUMNS, PAYMENT_COLUMNS
from app.domain.payments.claims import RECOVERIES_MAX

DAY_MS: Final = 24 * 60 * 60 * 1000
TWINS_COUNTED_MAX: Final = 100  # a shop may use the same number for every order

CHECKOUTS: Final = f"SELECT {CHECKOUT_COLUMNS} FROM checkouts WHERE id = ANY(:ids::text[])"
CHECKOUTS_OF_SESSIONS: Final = f"""
    SELECT {CHECKOUT_COLUMNS} FROM checkouts WHERE session_id = ANY(:ids::text[])
"""
LINKS_OF: Final = (
    "SELECT object_id, session_id FROM payment_links WHERE object_id = ANY(:ids::text[])"
)
ORIGINS: Final = f"""
    WITH RECURSIVE origin (asked, id, names, distance) AS (
        SELECT session_id, session_id, recovered_from, 0 FROM payments
        WHERE session_id = ANY(:ids::text[])
        UNION ALL
        SELECT asked, payments.session_id, recovered_from, distance + 1
        FROM payments JOIN origin ON payments.session_id = names
        WHERE distance < {RECOVERIES_MAX}
    )
    SELECT asked, id AS session_id, names FROM origin ORDER BY asked, distance
"""
# An expired session may be recovered, and the new one again; UNION prevents endless loops.
RECOVERIES: Final = f"""
    WITH RECURSIVE kin (root, id) AS (
        SELECT session_id, session_id FROM payments WHERE session_id = ANY(:ids::text[])
        UNION
        SELECT recovered_from, recovered_from FROM payments
        WHERE recovered_from = ANY(:ids::text[])
        UNION
        SELECT root, session_id FROM payments JOIN kin ON recovered_from = kin.id
    )
    SELECT root, created_at_ms, {PAYMENT_COLUMNS} FROM payments JOIN kin ON session_id = kin.id
    ORDER BY root, session_id
"""
CLAIMING: Final = f"SELECT {PAYMENT_COLUMNS} FROM payments WHERE checkout_id = ANY(:ids::text[])"
RENEWALS_OF: Final = """
    SELECT session_id, invoice_id, facts FROM renewals WHERE session_id = ANY(:ids::text[])
"""
EVENTS_OF: Final = """
    SELECT named.session_id, events.id, state, received_at_ms, state_changes,
           named.object_id = named.session_id AS is_own, payload IS NULL AS is_pruned,
           CASE WHEN named.object_id = named.session_id THEN payload END AS payload
    FROM (
        SELECT session_id, object_id FROM payment_links WHERE session_id = ANY(:ids::text[])
        UNION
        SELECT session_id, session_id FROM payments WHERE session_id = ANY(:ids::text[])
    ) AS named
    JOIN event_mentions ON event_mentions.object_id = named.object_id
    JOIN events ON events.id = event_mentions.event_id
    ORDER BY events.id
"""
SESSIONS_OF_STATUS: Final = """
    SELECT session_id AS id FROM payments WHERE status = ANY(:statuses::text[]) LIMIT :limit
"""
FLAGGED_SESSIONS: Final = """
    SELECT session_id AS id FROM payments WHERE flagged AND session_id > :after
    UNION SELECT session_id AS id FROM renewals WHERE flagged AND session_id > :after
    ORDER BY id LIMIT :limit
"""
FAILED_EVENTS: Final = """
    SELECT id, state, payload FROM events WHERE state = 'failed'
    ORDER BY received_at_ms DESC LIMIT :limit
"""
# Bodies are bytes, and may be JSON that a database does not accept, so they are searched as text.
# Without a limit on what is looked at, one search could read every body that is stored.
BODIES_WITH: Final = """
    SELECT id, state, payload FROM (
        SELECT id, state, type, received_at_ms, payload FROM events WHERE payload IS NOT NULL
        ORDER BY received_at_ms DESC LIMIT :events_max) AS latest
    WHERE type LIKE 'checkout.session.%' AND strpos(lower(encode(payload, 'escape')), :needle) > 0
    ORDER BY received_at_ms DESC LIMIT :limit
"""
BODIES_LOOKED_AT: Final = """
    SELECT count(*) AS looked_at, min(received_at_ms) AS since_ms FROM (
        SELECT received_at_ms FROM events WHERE payload IS NOT NULL
        ORDER BY received_at_ms DESC LIMIT :events_max) AS latest
"""
# Anybody may start checkouts with the number and the cart of any order. So only the oldest ones
# count, which a later one never replaces, and only payments cost more than a look at an index.
_IS_TWIN: Final = f"""
    twin.twin_key = ours.twin_key AND twin.id <> ours.id AND twin.created_at_ms
        BETWEEN ours.created_at_ms - {DAY_MS} AND ours.created_at_ms + {DAY_MS}
"""
_OLDEST_TWINS: Final = f"""
    SELECT twin.id FROM checkouts AS twin WHERE {_IS_TWIN}
    ORDER BY twin.created_at_ms, twin.id LIMIT {TWINS_COUNTED_MAX}
"""
_KEEPING_MONEY: Final = "'paid', 'partially_refunded', 'disputed'"
_WAS_PAID: Final = f"status IN ({_KEEPING_MONEY}, 'refunded')"
_MAY_BE_PAID: Final = f"""(
    (SELECT 1 FROM payments WHERE payments.session_id = found.session_id AND {_WAS_PAID}) = 1
    OR (SELECT 1 FROM payments
        WHERE payments.checkout_id = found.id AND {_WAS_PAID} LIMIT 1) = 1
    OR EXISTS (SELECT 1 FROM payments WHERE recovered_from = found.session_id)
)"""
# Found once they are reported: to compare all payments would take long.
PAID_TWICE: Final = """
    SELECT DISTINCT order_id AS id FROM flag_causes WHERE flag = 'paid_twice' LIMIT :limit
"""
# Along the times: coalesce() keeps SQLite from reading all payments that were ever paid.
_PAID_LATELY: Final = f"""
    payments.created_at_ms >= :since_ms AND coalesce(status, '') IN ({_KEEPING_MONEY})
"""
PAID_TWINS: Final = f"""
    SELECT ours.id FROM checkouts AS ours
    WHERE ours.id = ANY(ARRAY(
        SELECT checkouts.id FROM payments JOIN checkouts USING (session_id) WHERE {_PAID_LATELY}
        UNION SELECT checkout_id FROM payments WHERE {_PAID_LATELY}
        UNION SELECT checkouts.id FROM payments
              JOIN checkouts ON checkouts.session_id = recovered_from WHERE {_PAID_LATELY}))
      AND ours.twin_key IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM flag_causes WHERE order_id = ours.id
                      AND flag = 'paid_twice' AND told_at_ms IS NOT NULL)
      AND EXISTS (SELECT 1 FROM checkouts AS found
                  WHERE found.id = ANY(ARRAY({_OLDEST_TWINS})) AND {_MAY_BE_PAID})
    LIMIT :limit
"""
CHECKOUTS_WITH_TWINS: Final = f"""
    SELECT ours.id FROM checkouts AS ours
    WHERE ours.twin_key IS NOT NULL
      AND ours.id = ANY(ARRAY(
          SELECT id FROM checkouts WHERE session_id = ANY(:session_ids::text[])
          UNION SELECT id FROM checkouts WHERE id = ANY(:checkout_ids::text[])))
      AND EXISTS (SELECT 1 FROM checkouts AS twin WHERE {_IS_TWIN})
"""
TWINS_OF: Final = f"""
    SELECT ours.id AS order_id, found.id AS twin_id
    FROM checkouts AS ours JOIN checkouts AS found ON found.id = ANY(ARRAY({_OLDEST_TWINS}))
    WHERE ours.id = ANY(:ids::text[]) AND ours.twin_key IS NOT NULL AND {_MAY_BE_PAID}
"""
SESSIONS_OF_TWINS: Final = f"""
    WITH found AS (
        SELECT found.id, found.session_id
        FROM checkouts AS ours JOIN checkouts AS found ON found.id = ANY(ARRAY({_OLDEST_TWINS}))
        WHERE ours.twin_key IS NOT NULL AND ours.id = ANY(ARRAY(
            SELECT id FROM checkouts WHERE session_id = ANY(:session_ids::text[])
            UNION SELECT id FROM checkouts WHERE id = ANY(:checkout_ids::text[])))
    )
    SELECT session_id, id AS order_id FROM found WHERE session_id IS NOT NULL
    UNION SELECT payments.session_id, found.id FROM found
          JOIN payments ON payments.checkout_id = found.id WHERE found.session_id IS NULL
"""
KNOWN_CAUSES: Final = """
    SELECT order_id, flag, cause, told_at_ms IS NOT NULL AS is_reported,
           seen_at_ms IS NOT NULL AS is_seen
    FROM flag_causes WHERE order_id = ANY(:ids::text[])
"""
# `has_attempt` marks the checkouts whose own payment was ever more than open or expired, so that no
# list of those walks over what strangers start and leave. Events cost nothing more: until a payment
# is noted, an index finds it.
ATTEMPTED: Final = "status NOT IN ('open', 'expired')"
UNNOTED: Final = f"NOT attempt_noted AND {ATTEMPTED}"
MARKED: Final = "(has_attempt OR session_id IS NULL)"  # marked, or claimed by a session
_NEXT_UNNOTED: Final = f"""
    SELECT session_id FROM payments WHERE {UNNOTED} ORDER BY session_id LIMIT :limit
"""
MARK_ATTEMPTS: Final = f"""
    UPDATE checkouts SET has_attempt = true
    WHERE NOT has_attempt AND session_id = ANY(ARRAY({_NEXT_UNNOTED}))
"""
# Only if its checkout has its mark in this statement's view, too.
NOTE_ATTEMPTS: Final = f"""
    UPDATE payments SET attempt_noted = true
    WHERE session_id = ANY(ARRAY({_NEXT_UNNOTED} FOR UPDATE SKIP LOCKED))
      AND NOT EXISTS (SELECT 1 FROM checkouts
                      WHERE checkouts.session_id = payments.session_id AND NOT has_attempt)
"""
SETTLE_CHECKOUTS: Final = f"""
    UPDATE checkouts SET has_outcome = true, has_attempt = has_attempt OR EXISTS (
        SELECT 1 FROM payments WHERE payments.session_id = checkouts.session_id AND {ATTEMPTED})
    WHERE id = ANY(ARRAY(
        SELECT checkouts.id FROM checkouts JOIN payments USING (session_id)
        WHERE NOT has_outcome AND checkouts.created_at_ms >= :since_ms AND status <> 'open'
        LIMIT :limit))
"""
# A repair may find that a payment's events belong to another one.
REOPEN_CHECKOUTS: Final = """
    UPDATE checkouts SET has_outcome = false WHERE has_outcome AND session_id = ANY(ARRAY(
        SELECT session_id FROM payments WHERE status = 'open'))
"""
