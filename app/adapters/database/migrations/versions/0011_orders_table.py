"""How far the orders table in the shop's own database has come."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table of one row; it is filled when ORDERS_TABLE_URL is set."""
    op.create_table(
        "orders_table_progress",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("tx", sa.BigInteger, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("until_ms", sa.BigInteger, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("failing_since_ms", sa.BigInteger),
        sa.Column("problem", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_orders_table_progress"),
        sa.CheckConstraint("id = 1", name="one_row"),
    )
