"""Orders: who sent a cart, by what orders are listed, and which flags an operator has seen.

When a session was made is learned from its events, which are read once more; until then, and where
their bodies are gone, a payment stands where it last changed.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

Id = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")  # bytes have one order


def upgrade() -> None:
    """Add what is new, and let every event be read again: they say more than was read so far."""
    _widen_checkouts()
    op.create_index("ix_checkouts_created_at_ms", "checkouts", ["created_at_ms", "id"])
    _index_references("checkouts", "id")
    _widen_payments()
    op.create_table(
        "seen_flags",
        sa.Column("order_id", Id, nullable=False),
        sa.Column("flag", Id, nullable=False),
        sa.Column("cause", sa.Text, nullable=False),
        sa.Column("seen_at_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("order_id", "flag", name="pk_seen_flags"),
        sqlite_with_rowid=False,
    )
    op.execute("UPDATE events SET state = 'unread', reason = NULL WHERE payload IS NOT NULL")


def _widen_checkouts() -> None:
    old = sa.Table(
        "checkouts",
        sa.MetaData(),
        sa.Column("id", Id, nullable=False),
        sa.Column("created_at_ms", sa.BigInteger, nullable=False),
        sa.Column("mode", sa.Text, nullable=False),
        sa.Column("line_items", sa.Text, nullable=False),
        sa.Column("client_reference_id", sa.Text),
        sa.Column("success_url", sa.Text, nullable=False),
        sa.Column("cancel_url", sa.Text, nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("session_id", Id),
        sa.Column("expected_subtotal_minor", sa.BigInteger),
        sa.Column("expected_currency", sa.Text),
        sa.Column("key_digest", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_checkouts"),
        sa.Index("ix_checkouts_session_id", "session_id"),
        *(
            sa.CheckConstraint(rule, name=f"ck_checkouts_{name}")
            for name, rule in (
                ("id_form", "length(id) = 40 AND id LIKE 'chk!_%' ESCAPE '!'"),
                ("mode_known", "mode IN ('payment', 'subscription')"),
                ("success_url_length", "length(success_url) <= 5000"),
                ("cancel_url_length", "length(cancel_url) <= 5000"),
                ("session_id_form", "session_id LIKE 'cs!_%' ESCAPE '!'"),
                ("client_reference_id", "length(client_reference_id) BETWEEN 1 AND 200"),
            )
        ),
    )
    with op.batch_alter_table("checkouts", copy_from=old) as table:
        table.add_column(
            sa.Column("created_by", sa.Text, nullable=False, server_default=sa.text("'browser'"))
        )
        table.create_check_constraint(
            op.f("ck_checkouts_created_by_known"), "created_by IN ('browser', 'server')"
        )


def _widen_payments() -> None:
    op.add_column(
        "payments",
        sa.Column("created_at_ms", sa.BigInteger, nullable=False, server_default=sa.text("0")),
    )
    op.add_column("payments", sa.Column("client_reference_id", sa.Text))
    op.add_column(
        "payments", sa.Column("flagged", sa.Boolean, nullable=False, server_default=sa.false())
    )
    op.execute("UPDATE payments SET created_at_ms = updated_at_ms")
    op.execute("UPDATE payments SET flagged = true WHERE contradicted OR price_mismatch")
    op.create_index("ix_payments_created_at_ms", "payments", ["created_at_ms", "session_id"])
    op.create_index("ix_payments_status", "payments", ["status", "session_id"])
    _index_references("payments", "session_id")
    flagged = sa.text("flagged")
    op.create_index(
        "ix_payments_flagged",
        "payments",
        ["session_id"],
        sqlite_where=flagged,
        postgresql_where=flagged,
    )


def _index_references(table: str, key: str) -> None:
    is_known = sa.text("client_reference_id IS NOT NULL")
    op.create_index(
        f"ix_{table}_client_reference_id",
        table,
        ["client_reference_id", "created_at_ms", key],
        sqlite_where=is_known,
        postgresql_where=is_known,
    )
