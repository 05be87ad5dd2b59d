"""Objects that Stripe did not return, and that are read again."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

Id = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the table; it is empty unless Stripe fails."""
    op.create_table(
        "failed_reads",
        sa.Column("object_type", Id, nullable=False),
        sa.Column("object_id", Id, nullable=False),
        sa.Column("since_ms", sa.BigInteger, nullable=False),
        sa.Column("due_at_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("object_type", "object_id", name="pk_failed_reads"),
    )
    op.create_index("ix_failed_reads_due_at_ms", "failed_reads", ["due_at_ms"])
