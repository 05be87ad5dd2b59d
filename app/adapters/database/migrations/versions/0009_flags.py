"""Flags: what was told of each, what an operator has seen, and how to find them.

Nothing has ever written `seen_flags`, so nothing is lost with it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

Id = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")  # bytes have one order


def upgrade() -> None:
    """Replace `seen_flags`, count events' states, and mark renewals that have disputes."""
    op.drop_table("seen_flags")
    op.create_table(
        "flag_causes",
        sa.Column("order_id", Id, nullable=False),
        sa.Column("flag", Id, nullable=False),
        sa.Column("cause", Id, nullable=False),
        sa.Column("told_at_ms", sa.BigInteger),
        sa.Column("remind_at_ms", sa.BigInteger),
        sa.Column("seen_at_ms", sa.BigInteger),
        sa.PrimaryKeyConstraint("order_id", "flag", "cause", name="pk_flag_causes"),
        sqlite_with_rowid=False,
    )
    _index("flag_causes", "remind_at_ms", where="remind_at_ms IS NOT NULL")
    op.add_column(
        "events",
        sa.Column("state_changes", sa.BigInteger, nullable=False, server_default=sa.text("0")),
    )
    op.add_column(
        "renewals", sa.Column("flagged", sa.Boolean, nullable=False, server_default=sa.false())
    )
    op.execute("UPDATE renewals SET flagged = true WHERE facts LIKE '%\"disputes\"%'")
    _index("renewals", "session_id", where="flagged", name="ix_renewals_flagged")


def _index(table: str, column: str, *, where: str, name: str | None = None) -> None:
    condition = sa.text(where)
    op.create_index(
        name or f"ix_{table}_{column}",
        table,
        [column],
        sqlite_where=condition,
        postgresql_where=condition,
    )
