"""The tables for Alembic. Constraints express what must be true, so bugs cannot write other rows.

Not imported while serving, because SQLAlchemy costs 15 MB and 0.4 s; the adapters use SQL.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    false,
    text,
)

from app.adapters.database.orders_sql import ATTEMPTED, MARKED, UNNOTED
from app.adapters.database.schema_of_outbox import (
    notification_delivery,
    notification_tries,
    notifications,
)
from app.adapters.database.schema_parts import Id, add_index, metadata

__all__ = ["metadata", "notification_delivery", "notification_tries", "notifications"]

checkouts = Table(
    "checkouts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("mode", Text, nullable=False),
    Column("line_items", Text, nullable=False),
    Column("client_reference_id", Text),
    Column("success_url", Text, nullable=False),
    Column("cancel_url", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("session_id", Id, index=True),
    Column("expected_subtotal_minor", BigInteger),
    Column("expected_currency", Text),
    Column("expected_in_trial_minor", BigInteger),
    Column("key_digest", Text),
    Column("created_by", Text, nullable=False, server_default=text("'browser'")),
    Column("has_outcome", Boolean, nullable=False, server_default=false()),
    Column("twin_key", Id),
    Column("has_attempt", Boolean, nullable=False, server_default=false()),
    CheckConstraint("length(id) = 40 AND id LIKE 'chk!_%' ESCAPE '!'", name="id_form"),
    CheckConstraint("mode IN ('payment', 'subscription')", name="mode_known"),
    CheckConstraint("length(success_url) <= 5000", name="success_url_length"),
    CheckConstraint("length(cancel_url) <= 5000", name="cancel_url_length"),
    CheckConstraint("session_id LIKE 'cs!_%' ESCAPE '!'", name="session_id_form"),
    CheckConstraint("length(client_reference_id) BETWEEN 1 AND 200", name="client_reference_id"),
    CheckConstraint("created_by IN ('browser', 'server')", name="created_by_known"),
    Index("ix_checkouts_created_at_ms", "created_at_ms", "id"),
)

events = Table(
    "events",
    metadata,
    Column("id", Id, primary_key=True),
    Column("type", Text, nullable=False),
    Column("created_s", BigInteger),
    Column("received_at_ms", BigInteger, nullable=False),
    Column("account", Text),
    Column("livemode", Boolean),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("payload", LargeBinary),
    Column("state_changes", BigInteger, nullable=False, server_default=text("0")),
    Column("source", Text, nullable=False, server_default=text("'webhook'")),
    CheckConstraint("source IN ('webhook', 'listed', 'read')", name="source_known"),
    CheckConstraint("id LIKE 'evt!_%' ESCAPE '!'", name="id_form"),
    CheckConstraint(
        "state IN ('recorded', 'waiting', 'folded', 'failed', 'unread')", name="state_known"
    ),
    CheckConstraint("(state = 'failed') = (reason IS NOT NULL)", name="failed_has_reason"),
    CheckConstraint("length(payload) BETWEEN 1 AND 1048576", name="payload_size"),
)
add_index("ix_events_failed", events.c.received_at_ms, where=events.c.state == "failed")
add_index("ix_events_unread", events.c.received_at_ms, where=events.c.state == "unread")
add_index("ix_events_payload", events.c.received_at_ms, where=events.c.payload.is_not(None))

# No foreign key, which would cost time for each row; it is written with its event in one
# transaction.
event_mentions = Table(
    "event_mentions",
    metadata,
    Column("object_id", Id, primary_key=True),
    Column("event_id", Id, primary_key=True),
    sqlite_with_rowid=False,
)

payments = Table(
    "payments",
    metadata,
    Column("session_id", Id, primary_key=True),
    Column("checkout_id", Id),
    Column("status", Text, nullable=False),
    Column("amount_total_minor", BigInteger),
    Column("currency", Text),
    Column("paid_at_s", BigInteger),
    Column("facts", Text, nullable=False),
    Column("updated_at_ms", BigInteger, nullable=False),
    Column("price_mismatch", Boolean, nullable=False, server_default=false()),
    Column("version", BigInteger, nullable=False, server_default=text("1")),
    Column("amount_refunded_minor", BigInteger, nullable=False, server_default=text("0")),
    Column("contradicted", Boolean, nullable=False, server_default=false()),
    Column("recovered_from", Id),
    Column("created_at_ms", BigInteger, nullable=False, server_default=text("0")),
    Column("client_reference_id", Text),
    Column("flagged", Boolean, nullable=False, server_default=false()),
    Column("wants_line_items", Boolean, nullable=False, server_default=false()),
    Column("attempt_noted", Boolean, nullable=False, server_default=false()),
    CheckConstraint("session_id LIKE 'cs!_%' ESCAPE '!'", name="session_id_form"),
    CheckConstraint(
        "status IN ('open', 'processing', 'paid', 'failed', 'expired', 'partially_refunded',"
        " 'refunded', 'disputed')",
        name="status_known",
    ),
    CheckConstraint("amount_total_minor >= 0", name="amount_total_not_negative"),
    CheckConstraint("amount_refunded_minor >= 0", name="amount_refunded_not_negative"),
    CheckConstraint("version >= 1", name="version_counts"),
    CheckConstraint("length(currency) = 3", name="currency_form"),
    Index("ix_payments_checkout_id", "checkout_id"),
    Index("ix_payments_created_at_ms", "created_at_ms", "session_id"),
    Index("ix_payments_status", "status", "session_id"),
    sqlite_with_rowid=False,
)

add_index(
    "ix_payments_recovered_from",
    payments.c.recovered_from,
    where=payments.c.recovered_from.is_not(None),
)
add_index("ix_payments_wants_line_items", payments.c.created_at_ms, where=text("wants_line_items"))
add_index(
    "ix_payments_client_reference_id",
    *(payments.c[name] for name in ("client_reference_id", "created_at_ms", "session_id")),
    where=payments.c.client_reference_id.is_not(None),
)
add_index(
    "ix_checkouts_open",
    checkouts.c.created_at_ms,
    checkouts.c.id,
    where=text("NOT has_outcome"),
)
add_index(
    "ix_checkouts_twin_key",
    *(checkouts.c[name] for name in ("twin_key", "created_at_ms", "id")),
    where=checkouts.c.twin_key.is_not(None),
)
add_index(
    "ix_checkouts_client_reference_id",
    *(checkouts.c[name] for name in ("client_reference_id", "created_at_ms", "id")),
    where=checkouts.c.client_reference_id.is_not(None),
)

for _name, _column, _is_kept in (
    ("ix_checkouts_attempted", checkouts.c.id, MARKED),
    ("ix_payments_attempted", payments.c.session_id, ATTEMPTED),
):
    _table = _column.table
    add_index(_name, _table.c.created_at_ms, _column, where=text(_is_kept))
    add_index(
        f"{_name}_reference",
        *(_table.c.client_reference_id, _table.c.created_at_ms, _column),
        where=text(f"{_is_kept} AND client_reference_id IS NOT NULL"),
    )
add_index("ix_payments_unnoted", payments.c.session_id, where=text(UNNOTED))

payment_links = Table(
    "payment_links",
    metadata,
    Column("object_id", Id, primary_key=True),
    Column("session_id", Id, ForeignKey("payments.session_id"), primary_key=True),
    Index("ix_payment_links_session_id", "session_id"),
    sqlite_with_rowid=False,
)

# A subscription's renewals, separate from its first payment, so that an event costs the same after
# ten years. `renewal_ids` has the ids in them.
renewals = Table(
    "renewals",
    metadata,
    Column("session_id", Id, primary_key=True),
    Column("invoice_id", Id, primary_key=True),
    Column("facts", Text, nullable=False),
    Column("flagged", Boolean, nullable=False, server_default=false()),
    sqlite_with_rowid=False,
)

renewal_ids = Table(
    "renewal_ids",
    metadata,
    Column("session_id", Id, primary_key=True),
    Column("object_id", Id, primary_key=True),
    Column("invoice_id", Id, primary_key=True),
    sqlite_with_rowid=False,
)

add_index("ix_payments_flagged", payments.c.session_id, where=text("flagged"))
add_index("ix_renewals_flagged", renewals.c.session_id, where=text("flagged"))

# Linked objects whose stored events must still be folded: those after `event_id`.
pending_wakes = Table(
    "pending_wakes",
    metadata,
    Column("object_id", Id, primary_key=True),
    Column("event_id", Id, nullable=False),
    sqlite_with_rowid=False,
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("key_digest", Id, primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("checkout_id", Id, nullable=False),
    Column("state", Text, nullable=False),
    Column("lease_until_ms", BigInteger, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    CheckConstraint("length(key_digest) = 64", name="key_digest_form"),
    CheckConstraint("length(fingerprint) = 64", name="fingerprint_form"),
    CheckConstraint("state IN ('creating', 'open')", name="state_known"),
    Index("ix_idempotency_keys_created_at_ms", "created_at_ms"),
)

# Each cause of an order's flag: when it was reported, when to remind of it, and when an operator
# saw it.
flag_causes = Table(
    "flag_causes",
    metadata,
    Column("order_id", Id, primary_key=True),
    Column("flag", Id, primary_key=True),
    Column("cause", Id, primary_key=True),
    Column("told_at_ms", BigInteger),
    Column("remind_at_ms", BigInteger),
    Column("seen_at_ms", BigInteger),
    sqlite_with_rowid=False,
)
add_index(
    "ix_flag_causes_remind_at_ms",
    flag_causes.c.remind_at_ms,
    where=text("remind_at_ms IS NOT NULL"),
)
add_index("ix_flag_causes_paid_twice", flag_causes.c.order_id, where=text("flag = 'paid_twice'"))

heartbeat = Table(
    "heartbeat",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    CheckConstraint("id = 1", name="one_row"),
)

# How far Stripe was checked for missed events, and which process may check until when.
reconciliation = Table(
    "reconciliation",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("holder", Text, nullable=False),
    Column("lease_until_ms", BigInteger, nullable=False),
    Column("looked_until_s", BigInteger),
    Column("whole_look_at_ms", BigInteger),
    Column("open_until_ms", BigInteger),
    Column("ended_until_ms", BigInteger),
    Column("notices_until_ms", BigInteger),
    CheckConstraint("id = 1", name="one_row"),
)

# Objects that Stripe did not return, and that are read again.
failed_reads = Table(
    "failed_reads",
    metadata,
    Column("object_type", Id, primary_key=True),
    Column("object_id", Id, primary_key=True),
    Column("since_ms", BigInteger, nullable=False),
    Column("due_at_ms", BigInteger, nullable=False),
    Index("ix_failed_reads_due_at_ms", "due_at_ms"),
)

webhook_sightings = Table(
    "webhook_sightings",
    metadata,
    Column("kind", Id, primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("reason", Text),
    Column("times", BigInteger, nullable=False),
    CheckConstraint(
        "kind IN ('taken', 'refused', 'ignored', 'unheard', 'told')", name="kind_known"
    ),
    sqlite_with_rowid=False,
)
