"""First tables: checkouts, events, payments, their links, and the readiness probe's row.

Written out rather than taken from schema.py, which will change: a migration never does.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

Id = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")  # bytes have one order

# PostgreSQL's own method takes 50 microseconds for a typical event, which is as much as all the
# rest of writing it; this one 8. A server may have been built without it.
_COMPRESS_WITH_LZ4 = """
    DO $$ BEGIN
        IF EXISTS (SELECT FROM pg_settings
                   WHERE name = 'default_toast_compression' AND 'lz4' = ANY(enumvals)) THEN
            ALTER TABLE events ALTER COLUMN payload SET COMPRESSION lz4;
        END IF;
    END $$
"""


def upgrade() -> None:
    """Create everything."""
    _create_checkouts()
    _create_events()
    _create_payments()
    op.create_table(
        "heartbeat",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_heartbeat"),
        sa.CheckConstraint("id = 1", name="one_row"),
    )


def _create_checkouts() -> None:
    op.create_table(
        "checkouts",
        sa.Column("id", Id, nullable=False),
        sa.Column("created_at_ms", sa.BigInteger, nullable=False),
        sa.Column("mode", sa.Text, nullable=False),
        sa.Column("line_items", sa.Text, nullable=False),
        sa.Column("client_reference_id", sa.Text),
        sa.Column("success_url", sa.Text, nullable=False),
        sa.Column("cancel_url", sa.Text, nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("session_id", Id),
        sa.PrimaryKeyConstraint("id", name="pk_checkouts"),
        sa.CheckConstraint("length(id) = 40 AND id LIKE 'chk!_%' ESCAPE '!'", name="id_form"),
        sa.CheckConstraint("mode IN ('payment', 'subscription')", name="mode_known"),
        sa.CheckConstraint("length(success_url) <= 5000", name="success_url_length"),
        sa.CheckConstraint("length(cancel_url) <= 5000", name="cancel_url_length"),
        sa.CheckConstraint("session_id LIKE 'cs!_%' ESCAPE '!'", name="session_id_form"),
        sa.CheckConstraint(
            "length(client_reference_id) BETWEEN 1 AND 200", name="client_reference_id"
        ),
    )
    op.create_index("ix_checkouts_session_id", "checkouts", ["session_id"])


def _create_events() -> None:
    op.create_table(
        "events",
        sa.Column("id", Id, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("created_s", sa.BigInteger),
        sa.Column("received_at_ms", sa.BigInteger, nullable=False),
        sa.Column("account", sa.Text),
        sa.Column("livemode", sa.Boolean),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
        sa.CheckConstraint("id LIKE 'evt!_%' ESCAPE '!'", name="id_form"),
        sa.CheckConstraint("state IN ('recorded', 'folded', 'failed')", name="state_known"),
        sa.CheckConstraint("(state = 'failed') = (reason IS NOT NULL)", name="failed_has_reason"),
        sa.CheckConstraint("length(payload) BETWEEN 1 AND 1048576", name="payload_size"),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(_COMPRESS_WITH_LZ4)
    is_failed = sa.text("state = 'failed'")
    op.create_index(
        "ix_events_failed",
        "events",
        ["received_at_ms"],
        sqlite_where=is_failed,
        postgresql_where=is_failed,
    )


def _create_payments() -> None:
    op.create_table(
        "payments",
        sa.Column("session_id", Id, nullable=False),
        sa.Column("checkout_id", Id),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("amount_total_minor", sa.BigInteger),
        sa.Column("currency", sa.Text),
        sa.Column("paid_at_s", sa.BigInteger),
        sa.Column("facts", sa.Text, nullable=False),
        sa.Column("updated_at_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("session_id", name="pk_payments"),
        sa.CheckConstraint("session_id LIKE 'cs!_%' ESCAPE '!'", name="session_id_form"),
        sa.CheckConstraint(
            "status IN ('open', 'processing', 'paid', 'failed', 'expired', 'partially_refunded',"
            " 'refunded', 'disputed')",
            name="status_known",
        ),
        sa.CheckConstraint("amount_total_minor >= 0", name="amount_total_not_negative"),
        sa.CheckConstraint("length(currency) = 3", name="currency_form"),
    )
    op.create_index("ix_payments_checkout_id", "payments", ["checkout_id"])
    op.create_table(
        "payment_links",
        sa.Column("object_id", Id, nullable=False),
        sa.Column("session_id", Id, nullable=False),
        sa.PrimaryKeyConstraint("object_id", name="pk_payment_links"),
        sa.ForeignKeyConstraint(
            ["session_id"], ["payments.session_id"], name="fk_payment_links_session_id"
        ),
    )
    op.create_index("ix_payment_links_session_id", "payment_links", ["session_id"])
