"""Add refunds, disputes and subscriptions to a payment's facts, and links from ids to payments.

Existing events are marked `unread`: the next start processes them again, which also creates their
links.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

Id = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")  # bytes have one order


def upgrade() -> None:
    """Widen what is there, and let every event be read again."""
    _widen_events()
    op.create_table(
        "event_mentions",
        sa.Column("object_id", Id, nullable=False),
        sa.Column("event_id", Id, nullable=False),
        sa.PrimaryKeyConstraint("object_id", "event_id", name="pk_event_mentions"),
        sqlite_with_rowid=False,
    )
    op.drop_table("payment_links")
    _widen_payments()
    op.create_table(
        "payment_links",
        sa.Column("object_id", Id, nullable=False),
        sa.Column("session_id", Id, nullable=False),
        sa.PrimaryKeyConstraint("object_id", "session_id", name="pk_payment_links"),
        sa.ForeignKeyConstraint(
            ["session_id"], ["payments.session_id"], name="fk_payment_links_session_id"
        ),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_payment_links_session_id", "payment_links", ["session_id"])
    op.execute("UPDATE events SET state = 'unread', reason = NULL")


def _widen_events() -> None:
    old = sa.Table(
        "events",
        sa.MetaData(),
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
        sa.CheckConstraint("id LIKE 'evt!_%' ESCAPE '!'", name="ck_events_id_form"),
        sa.CheckConstraint(
            "state IN ('recorded', 'folded', 'failed')", name="ck_events_state_known"
        ),
        sa.CheckConstraint(
            "(state = 'failed') = (reason IS NOT NULL)", name="ck_events_failed_has_reason"
        ),
        sa.CheckConstraint("length(payload) BETWEEN 1 AND 1048576", name="ck_events_payload_size"),
    )
    op.drop_index("ix_events_failed", "events")
    with op.batch_alter_table("events", copy_from=old) as table:
        table.drop_constraint(op.f("ck_events_state_known"), type_="check")
        table.create_check_constraint(
            op.f("ck_events_state_known"),
            "state IN ('recorded', 'waiting', 'folded', 'failed', 'unread')",
        )
        table.alter_column("payload", existing_type=sa.LargeBinary, nullable=True)
    for name, is_so in (
        ("ix_events_failed", sa.text("state = 'failed'")),
        ("ix_events_unread", sa.text("state = 'unread'")),
        ("ix_events_payload", sa.text("payload IS NOT NULL")),
    ):
        op.create_index(
            name, "events", ["received_at_ms"], sqlite_where=is_so, postgresql_where=is_so
        )


def _widen_payments() -> None:
    old = sa.Table(
        "payments",
        sa.MetaData(),
        sa.Column("session_id", Id, nullable=False),
        sa.Column("checkout_id", Id),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("amount_total_minor", sa.BigInteger),
        sa.Column("currency", sa.Text),
        sa.Column("paid_at_s", sa.BigInteger),
        sa.Column("facts", sa.Text, nullable=False),
        sa.Column("updated_at_ms", sa.BigInteger, nullable=False),
        sa.Column("price_mismatch", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.PrimaryKeyConstraint("session_id", name="pk_payments"),
        sa.CheckConstraint(
            "session_id LIKE 'cs!_%' ESCAPE '!'", name="ck_payments_session_id_form"
        ),
        sa.CheckConstraint(
            "status IN ('open', 'processing', 'paid', 'failed', 'expired', 'partially_refunded',"
            " 'refunded', 'disputed')",
            name="ck_payments_status_known",
        ),
        sa.CheckConstraint("amount_total_minor >= 0", name="ck_payments_amount_total_not_negative"),
        sa.CheckConstraint("length(currency) = 3", name="ck_payments_currency_form"),
        sa.Index("ix_payments_checkout_id", "checkout_id"),
    )
    with op.batch_alter_table(
        "payments", copy_from=old, table_kwargs={"sqlite_with_rowid": False}
    ) as table:
        table.add_column(
            sa.Column("version", sa.BigInteger, nullable=False, server_default=sa.text("1"))
        )
        table.add_column(
            sa.Column(
                "amount_refunded_minor", sa.BigInteger, nullable=False, server_default=sa.text("0")
            )
        )
        table.add_column(
            sa.Column("contradicted", sa.Boolean, nullable=False, server_default=sa.false())
        )
        table.create_check_constraint(
            op.f("ck_payments_amount_refunded_not_negative"), "amount_refunded_minor >= 0"
        )
        table.create_check_constraint(op.f("ck_payments_version_counts"), "version >= 1")
