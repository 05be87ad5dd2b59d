"""Which checkouts have an outcome, so that the few open ones are found by an index."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the mark, set it for the checkouts of before, and index those without it."""
    op.add_column(
        "checkouts",
        sa.Column("has_outcome", sa.Boolean, nullable=False, server_default=sa.false()),
    )
    op.execute(
        "UPDATE checkouts SET has_outcome = true WHERE EXISTS (SELECT 1 FROM payments"
        " WHERE payments.session_id = checkouts.session_id AND payments.status <> 'open')"
    )
    _index("checkouts", ["created_at_ms", "id"], "ix_checkouts_open", "NOT has_outcome")
    _index("flag_causes", ["order_id"], "ix_flag_causes_paid_twice", "flag = 'paid_twice'")


def _index(table: str, columns: list[str], name: str, where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, sqlite_where=condition, postgresql_where=condition)
