"""The tables of notifications for Alembic, like `schema.py`."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    text,
)

from app.adapters.database.schema_parts import Id, add_index, metadata

# Notifications for the shop's systems, written in the transaction of the change. They contain
# nothing personal, and no body is stored.
notifications = Table(
    "notifications",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), Identity(), primary_key=True),
    Column("tx", BigInteger, nullable=False),
    Column("id", Id, nullable=False, unique=True),
    Column("session_id", Id, nullable=False),
    Column("order_id", Id, nullable=False),
    Column("type", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("invoice", Text),
    Column("delivery", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("due_at_ms", BigInteger),
    Column("leased_until_ms", BigInteger),
    Column("planned_at_ms", BigInteger),
    CheckConstraint("length(id) = 30 AND id LIKE 'msg!_%' ESCAPE '!'", name="id_form"),
    CheckConstraint(
        "delivery IN ('unposted', 'waiting', 'taken', 'failed')", name="delivery_known"
    ),
    CheckConstraint("(delivery = 'waiting') = (due_at_ms IS NOT NULL)", name="waiting_is_due"),
    CheckConstraint("leased_until_ms IS NULL OR delivery = 'waiting'", name="leased_waits"),
    Index("ix_notifications_tx", "tx", "seq"),
    Index("ix_notifications_order_id", "order_id", "seq"),
    sqlite_autoincrement=True,
)
add_index(
    "ix_notifications_due_at_ms",
    notifications.c.due_at_ms,
    notifications.c.seq,
    where=notifications.c.delivery == "waiting",
)
add_index(
    "ix_notifications_failed",
    notifications.c.seq,
    where=notifications.c.delivery == "failed",
)

notification_tries = Table(
    "notification_tries",
    metadata,
    Column("notification_id", Id, primary_key=True),
    Column("at_ms", BigInteger, primary_key=True),
    Column("duration_ms", BigInteger, nullable=False),
    Column("http_status", Integer),
    Column("problem", Text),
    Column("result", Text, nullable=False),
    CheckConstraint("result IN ('taken', 'again', 'failed')", name="result_known"),
    CheckConstraint("length(problem) <= 200", name="problem_length"),
    sqlite_with_rowid=False,
)

# One row: the receiver's state, and which notifications were deleted. `base` is added to the
# numbers of transactions, which start again when a dump is restored.
notification_delivery = Table(
    "notification_delivery",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("base", BigInteger, nullable=False, server_default=text("0")),
    Column("pruned_tx", BigInteger, nullable=False, server_default=text("0")),
    Column("pruned_seq", BigInteger, nullable=False, server_default=text("0")),
    Column("paused_at_ms", BigInteger),
    Column("pause_reason", Text),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("failing_since_ms", BigInteger),
    Column("last_http_status", Integer),
    Column("last_taken_at_ms", BigInteger),
    Column("probe_at_ms", BigInteger, nullable=False, server_default=text("0")),
    CheckConstraint("id = 1", name="one_row"),
    CheckConstraint("pause_reason IN ('operator', 'gone')", name="pause_reason_known"),
)

# Orders whose row the table refuses, while it accepts others.
orders_table_refused = Table(
    "orders_table_refused",
    metadata,
    Column("order_id", Id, primary_key=True),
    Column("session_id", Id, nullable=False),
    Column("since_ms", BigInteger, nullable=False),
    Column("due_at_ms", BigInteger, nullable=False),
    Column("problem", Text, nullable=False),
    Index("ix_orders_table_refused_due_at_ms", "due_at_ms"),
)

# One row: up to where in the feed the orders table has everything, and who may send until when.
orders_table_progress = Table(
    "orders_table_progress",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("tx", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("holder", Text, nullable=False),
    Column("until_ms", BigInteger, nullable=False),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("failing_since_ms", BigInteger),
    Column("problem", Text),
    CheckConstraint("id = 1", name="one_row"),
)
