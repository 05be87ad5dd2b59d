"""The SQL for checks of Stripe, written for PostgreSQL; see `sql.py`."""

from typing import Final

from app.usecases.reconciliation import ReconciliationState

STATE: Final = tuple(ReconciliationState.__dataclass_fields__)
FIND = f"SELECT {', '.join(STATE)} FROM reconciliation"
LEAD = """
    INSERT INTO reconciliation (id, holder, lease_until_ms) VALUES (1, :holder, :until_ms)
    ON CONFLICT (id) DO UPDATE
    SET holder = excluded.holder, lease_until_ms = excluded.lease_until_ms
    WHERE reconciliation.holder = excluded.holder
       OR reconciliation.lease_until_ms NOT BETWEEN :now_ms AND :latest_ms
"""
# A process that was replaced meanwhile must not change the state.
KEEP = f"""
    UPDATE reconciliation SET lease_until_ms = :until_ms,
    {", ".join(f"{name} = :{name}" for name in STATE)}
    WHERE holder = :holder
"""
# Both ends of the index by time, so that a look reads no more than what was started since.
SESSIONS_LEFT = """
    SELECT checkouts.session_id, checkouts.created_at_ms FROM checkouts
    LEFT JOIN payments ON payments.session_id = checkouts.session_id
    WHERE checkouts.created_at_ms > :after_ms AND checkouts.created_at_ms <= :until_ms
      AND checkouts.session_id IS NOT NULL
      AND (payments.session_id IS NULL OR payments.status = ANY(:statuses::text[]))
    ORDER BY checkouts.created_at_ms, checkouts.id LIMIT :limit
"""
WITHOUT_LINE_ITEMS = """
    SELECT session_id FROM payments WHERE wants_line_items AND created_at_ms > :after_ms
      AND NOT EXISTS (SELECT 1 FROM failed_reads
                      WHERE object_type = :type AND object_id = payments.session_id)
    ORDER BY created_at_ms, session_id LIMIT :limit
"""
# Reads the facts of all payments since then, so only an operator's command does it.
WITHOUT_LINE_ITEMS_OR_MISSING = """
    SELECT session_id FROM payments WHERE created_at_ms > :after_ms
      AND (wants_line_items OR (facts LIKE :missing AND facts NOT LIKE :found))
    ORDER BY created_at_ms, session_id LIMIT :limit
"""
# These parts of a payment's facts, as facts.py writes them.
ITEMS_MISSING: Final = '%"items_missing":true%'
ITEMS_FOUND: Final = '%"bought":[{%'
NOTICES = """
    SELECT id, state, payload, received_at_ms FROM events
    WHERE payload IS NOT NULL AND received_at_ms > :after_ms AND type = :type
    ORDER BY received_at_ms, id LIMIT :limit
"""
# The pause grows with the time for which it has failed, so it doubles.
PUT_OFF = """
    INSERT INTO failed_reads (object_type, object_id, since_ms, due_at_ms)
    VALUES (:type, :id, :now_ms, :due_ms)
    ON CONFLICT (object_type, object_id) DO UPDATE
    SET due_at_ms = excluded.due_at_ms + excluded.since_ms - failed_reads.since_ms
"""
FAILS_SINCE = "SELECT since_ms FROM failed_reads WHERE object_type = :type AND object_id = :id"
FAILED = """
    SELECT object_type, object_id FROM failed_reads WHERE due_at_ms <= :due_by_ms
    ORDER BY due_at_ms, object_type, object_id LIMIT :limit
"""
FORGET_FAILED = "DELETE FROM failed_reads WHERE object_type = :type AND object_id = :id"
LEAVE = "UPDATE reconciliation SET lease_until_ms = 0 WHERE holder = :holder"
