"""How each event came, and how far Stripe was looked through for those that did not."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """All events so far were delivered; line items are read of what is paid from now on."""
    op.execute(
        "ALTER TABLE events ADD COLUMN source TEXT DEFAULT 'webhook' NOT NULL"
        " CONSTRAINT ck_events_source_known CHECK (source IN ('webhook', 'listed', 'read'))"
    )
    op.add_column(
        "payments",
        sa.Column("wants_line_items", sa.Boolean, nullable=False, server_default=sa.false()),
    )
    op.create_index(
        "ix_payments_wants_line_items",
        "payments",
        ["created_at_ms"],
        sqlite_where=sa.text("wants_line_items"),
        postgresql_where=sa.text("wants_line_items"),
    )
    op.create_table(
        "reconciliation",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("lease_until_ms", sa.BigInteger, nullable=False),
        sa.Column("looked_until_s", sa.BigInteger),
        sa.Column("whole_look_at_ms", sa.BigInteger),
        sa.Column("open_until_ms", sa.BigInteger),
        sa.Column("ended_until_ms", sa.BigInteger),
        sa.Column("notices_until_ms", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_reconciliation"),
        sa.CheckConstraint("id = 1", name="one_row"),
    )
