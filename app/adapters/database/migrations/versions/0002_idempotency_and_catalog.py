"""Add idempotency keys, and the catalogue's expected subtotal of a checkout."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

Id = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")  # bytes have one order


def upgrade() -> None:
    """Add what is new; rows that exist know no expectation."""
    op.create_table(
        "idempotency_keys",
        sa.Column("key_digest", Id, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("checkout_id", Id, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("lease_until_ms", sa.BigInteger, nullable=False),
        sa.Column("created_at_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("key_digest", name="pk_idempotency_keys"),
        sa.CheckConstraint("length(key_digest) = 64", name="key_digest_form"),
        sa.CheckConstraint("length(fingerprint) = 64", name="fingerprint_form"),
        sa.CheckConstraint("state IN ('creating', 'open')", name="state_known"),
    )
    op.create_index("ix_idempotency_keys_created_at_ms", "idempotency_keys", ["created_at_ms"])
    op.add_column("checkouts", sa.Column("expected_subtotal_minor", sa.BigInteger))
    op.add_column("checkouts", sa.Column("expected_currency", sa.Text))
    op.add_column(
        "payments",
        sa.Column("price_mismatch", sa.Boolean, nullable=False, server_default=sa.false()),
    )
