"""Orders whose row the orders table refuses, while it accepts others."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

Id = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the table; it is empty unless a row is refused."""
    op.create_table(
        "orders_table_refused",
        sa.Column("order_id", Id, nullable=False),
        sa.Column("session_id", Id, nullable=False),
        sa.Column("since_ms", sa.BigInteger, nullable=False),
        sa.Column("due_at_ms", sa.BigInteger, nullable=False),
        sa.Column("problem", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("order_id", name="pk_orders_table_refused"),
    )
    op.create_index("ix_orders_table_refused_due_at_ms", "orders_table_refused", ["due_at_ms"])
