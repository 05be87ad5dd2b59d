"""The fold's SQL: what it reads and writes, in the form of `sql.py`.

One query of the fold is several of these reads, and its result several writes. PostgreSQL runs them
as one statement, because a round trip costs the service as much CPU as folding two events.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from app.adapters.database.sql import EVENT_COLUMNS, PAYMENT_COLUMNS, Writing


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """A read of one kind of rows: their columns by name, each with PostgreSQL's type.

    `follows_links`: the text uses the definitions in `AROUND`.
    """

    text: str
    columns: Mapping[str, str]
    follows_links: bool = False


SOLD_COLUMNS: Final = (
    "id, session_id, key_digest,"
    " expected_subtotal_minor, expected_currency, expected_in_trial_minor"
)

# The common start of several reads: the links of some ids, the sessions that they lead to, and
# their payments. Two replicas may reach a payment by different ids; if it is to be changed, the
# second one waits and reads again.
AROUND: Final = f"""
    WITH linked AS (
        SELECT object_id, session_id FROM payment_links WHERE object_id = ANY(:around::text[])
    ), sessions (session_id) AS (
        SELECT session_id FROM linked UNION SELECT unnest(:around::text[])
    ), concerned AS (
        SELECT {PAYMENT_COLUMNS}, checkout_id FROM payments
        WHERE session_id = ANY(ARRAY(SELECT session_id FROM sessions))
        ORDER BY session_id FOR UPDATE
    )
"""
AROUND_TO_READ: Final = AROUND.replace(" FOR UPDATE", "")
_EVENT: Final = {"id": "text", "state": "text", "payload": "bytea"}
_RENEWAL: Final = {"session_id": "text", "invoice_id": "text", "facts": "text"}

KNOWN_EVENTS = Reading(
    "SELECT id FROM events WHERE id = ANY(:known::text[]) AND state <> 'failed'", {"id": "text"}
)
LINKS = Reading(
    "SELECT object_id, session_id FROM linked",
    {"object_id": "text", "session_id": "text"},
    follows_links=True,
)
MENTIONED = Reading(
    "SELECT asked.object_id FROM unnest(:around::text[]) AS asked (object_id)"
    " WHERE EXISTS (SELECT 1 FROM event_mentions WHERE object_id = asked.object_id)",
    {"object_id": "text"},
)
PAYMENTS = Reading(
    f"SELECT {PAYMENT_COLUMNS} FROM concerned",
    {
        "session_id": "text",
        "facts": "text",
        "updated_at_ms": "bigint",
        "version": "bigint",
        "price_mismatch": "boolean",
    },
    follows_links=True,
)
CHECKOUTS = Reading(
    f"SELECT {SOLD_COLUMNS} FROM checkouts"
    " WHERE session_id = ANY(ARRAY(SELECT session_id FROM sessions))"
    f" UNION ALL SELECT {SOLD_COLUMNS} FROM checkouts WHERE id = ANY(ARRAY("
    "SELECT checkout_id FROM concerned UNION SELECT unnest(:checkout_ids::text[])))",
    {
        "id": "text",
        "session_id": "text",
        "key_digest": "text",
        "expected_subtotal_minor": "bigint",
        "expected_currency": "text",
        "expected_in_trial_minor": "bigint",
    },
    follows_links=True,
)
EVENTS = Reading("SELECT id, state, payload FROM events WHERE id = ANY(:events::text[])", _EVENT)
EVENTS_MENTIONING = Reading(
    "SELECT id, state, payload FROM events WHERE id = ANY(ARRAY("
    "SELECT DISTINCT event_id FROM event_mentions"
    " WHERE object_id = ANY(:mentioning::text[]) LIMIT :limit))",
    _EVENT,
)
EVENTS_OF_WAKE = Reading(
    "SELECT id, state, payload FROM events WHERE id = ANY(ARRAY("
    "SELECT event_id FROM event_mentions WHERE object_id = :object_id AND event_id > :event_id"
    " ORDER BY event_id LIMIT :limit))",
    _EVENT,
)
PENDING_WAKES = Reading(
    "SELECT object_id, event_id FROM pending_wakes ORDER BY object_id LIMIT :wakes_max",
    {"object_id": "text", "event_id": "text"},
)
RENEWALS = Reading(
    "SELECT DISTINCT renewals.session_id, renewals.invoice_id, renewals.facts"
    " FROM unnest(:session_ids::text[], :object_ids::text[]) AS asked (session_id, object_id)"
    " JOIN renewal_ids AS named USING (session_id, object_id)"
    " JOIN renewals USING (session_id, invoice_id)",
    _RENEWAL,
)
ALL_RENEWALS = Reading(
    "SELECT session_id, invoice_id, facts FROM renewals"
    " WHERE session_id = ANY(:renewals_of::text[])",
    _RENEWAL,
)


_PAYMENT: Final = {
    "session_id": "text",
    "checkout_id": "text",
    "status": "text",
    "amount_total_minor": "bigint",
    "currency": "text",
    "paid_at_s": "bigint",
    "facts": "text",
    "updated_at_ms": "bigint",
    "price_mismatch": "boolean",
    "version": "bigint",
    "amount_refunded_minor": "bigint",
    "contradicted": "boolean",
    "recovered_from": "text",
    "created_at_ms": "bigint",
    "client_reference_id": "text",
    "flagged": "boolean",
    "wants_line_items": "boolean",
}

MENTION = Writing(
    "INSERT INTO event_mentions (object_id, event_id) SELECT * FROM {rows} ON CONFLICT DO NOTHING",
    {"object_id": "text", "event_id": "text"},
)
LINK = Writing(
    "INSERT INTO payment_links (object_id, session_id) SELECT * FROM {rows} ON CONFLICT DO NOTHING",
    {"object_id": "text", "session_id": "text"},
)
WAKE = Writing(
    "UPDATE events SET state = 'folded', state_changes = events.state_changes + 1 FROM {rows}"
    " WHERE events.id = given.event_id AND events.state = 'waiting'",
    {"event_id": "text"},
)
SETTLE = Writing(
    "UPDATE events SET state = given.state, reason = given.reason, state_changes ="
    " events.state_changes + CASE WHEN events.state = given.state THEN 0 ELSE 1 END"
    " FROM {rows} WHERE events.id = given.event_id",
    {"event_id": "text", "state": "text", "reason": "text"},
)
_STAYS: Final = ("session_id", "created_at_ms")
SAVE_PAYMENT = Writing(
    f"INSERT INTO payments ({', '.join(_PAYMENT)}) SELECT * FROM {{rows}}"
    " ON CONFLICT (session_id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _PAYMENT if name not in _STAYS)
    # A session's creation time may be learned late, and never changes, so the earliest one is
    # right.
    + ", created_at_ms = CASE WHEN excluded.created_at_ms < payments.created_at_ms"
    " THEN excluded.created_at_ms ELSE payments.created_at_ms END",
    _PAYMENT,
)
SAVE_RENEWAL = Writing(
    "INSERT INTO renewals (session_id, invoice_id, facts, flagged) SELECT * FROM {rows}"
    " ON CONFLICT (session_id, invoice_id) DO UPDATE"
    " SET facts = excluded.facts, flagged = excluded.flagged",
    {"session_id": "text", "invoice_id": "text", "facts": "text", "flagged": "boolean"},
)
NAME_RENEWAL = Writing(
    "INSERT INTO renewal_ids (session_id, object_id, invoice_id) SELECT * FROM {rows}"
    " ON CONFLICT DO NOTHING",
    {"session_id": "text", "object_id": "text", "invoice_id": "text"},
)
FORGET_RENEWAL = Writing(
    "DELETE FROM renewals WHERE (session_id, invoice_id) IN"
    " (SELECT given.session_id, given.invoice_id FROM {rows})",
    {"session_id": "text", "invoice_id": "text"},
)
KEEP_WAKE = Writing(
    "INSERT INTO pending_wakes (object_id, event_id) SELECT * FROM {rows}"
    " ON CONFLICT (object_id) DO UPDATE SET event_id = excluded.event_id",
    {"object_id": "text", "event_id": "text"},
)
FORGET_WAKE = Writing(
    "DELETE FROM pending_wakes WHERE object_id IN (SELECT given.object_id FROM {rows})",
    {"object_id": "text"},
)
# An event that failed counts as new when it arrives again and can be folded now.
ADD_EVENT = Writing(
    f"INSERT INTO events ({EVENT_COLUMNS}) SELECT * FROM {{rows}}"
    " ON CONFLICT (id) DO UPDATE SET"
    " state = excluded.state, reason = excluded.reason, payload = excluded.payload,"
    " state_changes = events.state_changes + 1"
    " WHERE events.state = 'failed' AND excluded.state <> 'failed'",
    {
        "id": "text",
        "type": "text",
        "created_s": "bigint",
        "received_at_ms": "bigint",
        "account": "text",
        "livemode": "boolean",
        "state": "text",
        "reason": "text",
        "payload": "bytea",
        "source": "text",
    },
)
