"""The SQL for notifications, in the form of `sql.py`.

`tx` is the number of the transaction that wrote a row, so that a reader can tell what is settled:
everything below the oldest transaction that still runs. SQLite has one writer, and needs no such
number. `base` is added to it because numbers start again when a dump is restored elsewhere.
"""

from typing import Final

from app.adapters.database.sql import Writing
from app.domain.notifications.types import NotificationType
from app.usecases.outbox import Delivery, NotificationQuery

PROBED_AMONG: Final = 20  # the next of those that wait
HOLDS_BACK_BEFORE: Final = (
    3  # attempts after which a notification no longer delays its order's later ones
)

COLUMNS: Final = (
    "id, tx, seq, session_id, order_id, type, cause, at_ms, invoice, delivery, attempts,"
    " due_at_ms, leased_until_ms, planned_at_ms"
)
IS_PUBLIC: Final = f"type <> '{NotificationType.CHANGED}'"
BASE: Final = "coalesce((SELECT base FROM notification_delivery), 0)"

ADD_NOTIFICATION: Final = Writing(
    "INSERT INTO notifications"
    " (id, tx, session_id, order_id, type, cause, at_ms, invoice, delivery, due_at_ms)"
    f" SELECT id, {BASE} + pg_current_xact_id()::text::bigint,"
    " session_id, order_id, type, cause, at_ms, invoice, delivery, due_at_ms"
    " FROM {rows} WHERE true ON CONFLICT (id) DO NOTHING",
    {
        "id": "text",
        "session_id": "text",
        "order_id": "text",
        "type": "text",
        "cause": "text",
        "at_ms": "bigint",
        "invoice": "text",
        "delivery": "text",
        "due_at_ms": "bigint",
    },
)

# --- what the sender does

_RECEIVER: Final = (
    "paused_at_ms, pause_reason, failures, failing_since_ms, last_http_status, last_taken_at_ms"
)
RECEIVER: Final = f"SELECT {_RECEIVER}, probe_at_ms FROM notification_delivery"
RECEIVER_TO_CHANGE: Final = f"{RECEIVER} FOR UPDATE"
ADD_RECEIVER: Final = """
    INSERT INTO notification_delivery (id) VALUES (1) ON CONFLICT (id) DO NOTHING
"""
SAVE_RECEIVER: Final = """
    UPDATE notification_delivery
    SET paused_at_ms = :paused_at_ms, pause_reason = :pause_reason, failures = :failures,
        failing_since_ms = :failing_since_ms, last_http_status = :last_http_status,
        last_taken_at_ms = :last_taken_at_ms
"""
PROBE: Final = "UPDATE notification_delivery SET probe_at_ms = :probe_at_ms"
# What may be sent: an order's first waiting one, leased or not, unless that has failed often.
_FIRST_THAT_WAITS: Final = f"""
    delivery = 'waiting' AND NOT EXISTS (
        SELECT 1 FROM notifications AS earlier
        WHERE earlier.order_id = ready.order_id AND earlier.seq < ready.seq
          AND earlier.delivery = 'waiting' AND earlier.attempts < {HOLDS_BACK_BEFORE} )
"""
# A leased notification is due again when the lease ends, so that queries need not skip it.
_LEASE: Final = """
    UPDATE notifications SET leased_until_ms = :leased_until_ms, due_at_ms = :leased_until_ms{plan}
    WHERE seq = ANY(ARRAY({chosen}))
"""
LEASE: Final = (
    _LEASE.format(
        plan="",
        chosen=f"""
        SELECT seq FROM notifications AS ready
        WHERE due_at_ms <= :now_ms AND (leased_until_ms IS NULL OR leased_until_ms <= :now_ms )
          AND {_FIRST_THAT_WAITS}
        ORDER BY due_at_ms, seq LIMIT :limit
        FOR UPDATE SKIP LOCKED""",
    )
    + f"RETURNING {COLUMNS}"
)
# If nothing is due, one of the next ones is tried early: a random one, because one may be refused
# for its own reason. It keeps the time for which it is planned.
LEASE_AHEAD: Final = (
    _LEASE.format(
        plan=", planned_at_ms = due_at_ms",
        chosen=f"""
        SELECT seq FROM (
            SELECT seq FROM notifications AS ready
            WHERE due_at_ms > :now_ms
              AND (leased_until_ms IS NULL OR leased_until_ms <= :now_ms )
              AND {_FIRST_THAT_WAITS}
            ORDER BY due_at_ms, seq LIMIT {PROBED_AMONG}
            FOR UPDATE SKIP LOCKED) AS next_ones
        ORDER BY random() LIMIT 1""",
    )
    + f"RETURNING {COLUMNS}"
)
SETTLE: Final = Writing(
    "UPDATE notifications SET delivery = given.delivery,"
    " attempts = notifications.attempts + given.counted, due_at_ms = given.due_at_ms,"
    " planned_at_ms = given.planned_at_ms, leased_until_ms = NULL FROM {rows}"
    " WHERE notifications.id = given.id"
    " AND notifications.leased_until_ms = given.leased_until_ms",
    {
        "id": "text",
        "leased_until_ms": "bigint",
        "delivery": "text",
        "counted": "integer",
        "due_at_ms": "bigint",
        "planned_at_ms": "bigint",
    },
)
ADD_TRY: Final = Writing(
    "INSERT INTO notification_tries"
    " (notification_id, at_ms, duration_ms, http_status, problem, result)"
    " SELECT * FROM {rows} ON CONFLICT DO NOTHING",
    {
        "notification_id": "text",
        "at_ms": "bigint",
        "duration_ms": "bigint",
        "http_status": "integer",
        "problem": "text",
        "result": "text",
    },
)
# Only notifications that failed before, and are not leased, are due later than now. They keep the
# time for which they are planned, because their schedules go on from there if they fail again.
MAKE_DUE: Final = """
    UPDATE notifications SET due_at_ms = :now_ms, planned_at_ms = due_at_ms
    WHERE delivery = 'waiting' AND due_at_ms > :now_ms AND leased_until_ms IS NULL
"""
# What failed earlier may have been asked to wait, by a receiver that worked.
MAKE_DUE_AGAIN: Final = f"""
    {MAKE_DUE} AND (
        SELECT max(at_ms + duration_ms) FROM notification_tries
        WHERE notification_id = notifications.id ) BETWEEN :failing_since_ms AND :now_ms
"""
# Leased ones are due when their leases end.
NEXT_DUE: Final = f"""
    SELECT due_at_ms FROM notifications AS ready WHERE {_FIRST_THAT_WAITS}
    ORDER BY due_at_ms, seq LIMIT 1
"""

# --- what the feed reads

# Below the horizon, everything is settled: its transactions have committed, or never will.
FEED_BOUNDS: Final = f"""
    SELECT {BASE} + pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS horizon,
           coalesce((SELECT pruned_tx FROM notification_delivery), 0) AS pruned_tx,
           coalesce((SELECT pruned_seq FROM notification_delivery), 0) AS pruned_seq
"""
_FEED_PAGE: Final = f"""
    SELECT {COLUMNS} FROM notifications
    WHERE (tx, seq) > (:tx, :seq) AND tx < :horizon{{}} ORDER BY tx, seq LIMIT :limit
"""
FEED_PAGE: Final = _FEED_PAGE.format(f" AND {IS_PUBLIC}")
TABLE_PAGE: Final = _FEED_PAGE.format("")
_LAST: Final = "SELECT tx, seq FROM notifications {} ORDER BY tx DESC, seq DESC LIMIT 1"
LAST: Final = _LAST.format("")
LAST_SETTLED: Final = _LAST.format("WHERE tx < :horizon")
# Rows are read in the order of the feed, so that what is no longer kept is all before one position.
OLD: Final = """
    SELECT tx, seq, at_ms FROM notifications
    WHERE (tx, seq) > (:tx, :seq) ORDER BY tx, seq LIMIT :limit
"""
MOVE_START: Final = "UPDATE notification_delivery SET pruned_tx = :tx, pruned_seq = :seq"
# What still waits is kept for the sender, though the feed no longer shows it.
PRUNE: Final = """
    DELETE FROM notifications WHERE seq = ANY(ARRAY(
        SELECT seq FROM notifications
        WHERE (tx, seq) <= (:tx, :seq) AND delivery <> 'waiting' LIMIT :limit
        FOR UPDATE SKIP LOCKED))
    RETURNING id
"""
PRUNE_TRIES: Final = "DELETE FROM notification_tries WHERE notification_id = ANY(:ids::text[])"

# Where a dump was restored, kept rows may stand above every number that is given now.
NUMBERS_AHEAD: Final = f"""
    SELECT latest FROM (
        SELECT max(tx) AS latest FROM (
            SELECT max(tx) AS tx FROM notifications
            UNION ALL SELECT pruned_tx FROM notification_delivery) AS known) AS found
    WHERE latest >= {BASE} + pg_snapshot_xmax(pg_current_snapshot())::text::bigint
"""
MOVE_BASE: Final = "UPDATE notification_delivery SET base = :base"

# --- what operators ask

BACKLOG: Final = """
    SELECT (SELECT count(*) FROM notifications WHERE delivery = 'waiting') AS waiting,
           (SELECT min(at_ms) FROM notifications WHERE delivery = 'waiting') AS oldest_at_ms,
           (SELECT count(*) FROM notifications WHERE delivery = 'failed') AS failed
"""
FIND: Final = f"SELECT {COLUMNS} FROM notifications WHERE id = :id AND {IS_PUBLIC}"
TRIES: Final = """
    SELECT notification_id, at_ms, duration_ms, http_status, problem, result
    FROM notification_tries WHERE notification_id = ANY(:ids::text[]) ORDER BY at_ms
"""
RESEND: Final = f"""
    UPDATE notifications
    SET delivery = 'waiting', attempts = 0, due_at_ms = :at_ms, leased_until_ms = NULL,
        planned_at_ms = NULL
    WHERE id = :id AND {IS_PUBLIC}
"""
_BEFORE: Final = f"{IS_PUBLIC} AND (:before_seq::bigint IS NULL OR seq < :before_seq)"
_LATEST: Final = "ORDER BY seq DESC LIMIT :limit"
_LIST: Final = f"SELECT {COLUMNS} FROM notifications WHERE {_BEFORE} {_LATEST}"
_LIST_OF_ORDER: Final = f"""
    SELECT {COLUMNS} FROM notifications WHERE order_id = :order_id
      AND (:delivery::text IS NULL OR delivery = :delivery) AND {_BEFORE} {_LATEST}
"""
# Not a parameter, because a partial index is used only if the text contains the value.
_LIST_OF_DELIVERY: Final = {
    delivery: f"SELECT {COLUMNS} FROM notifications WHERE delivery = '{delivery}'"
    f" AND {_BEFORE} {_LATEST}"
    for delivery in Delivery
}


def listing(wanted: NotificationQuery) -> tuple[str, dict[str, object]]:
    """Return the text and the values of `Outbox.list_notifications`."""
    values: dict[str, object] = {"before_seq": wanted.before_seq, "limit": wanted.limit}
    if wanted.order_id is not None:
        of_order = {"order_id": wanted.order_id, "delivery": wanted.delivery}
        return _LIST_OF_ORDER, values | of_order
    return _LIST_OF_DELIVERY[wanted.delivery] if wanted.delivery else _LIST, values
