"""What one transaction leaves for the next to wake, and renewals in rows of their own.

A payment that was kept whole is set apart by the next event about it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

Id = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")  # bytes have one order


def upgrade() -> None:
    """Nothing is left to be woken so far: until now one transaction did it all."""
    op.create_table(
        "pending_wakes",
        sa.Column("object_id", Id, nullable=False),
        sa.Column("event_id", Id, nullable=False),
        sa.PrimaryKeyConstraint("object_id", name="pk_pending_wakes"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "renewals",
        sa.Column("session_id", Id, nullable=False),
        sa.Column("invoice_id", Id, nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("session_id", "invoice_id", name="pk_renewals"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "renewal_ids",
        sa.Column("session_id", Id, nullable=False),
        sa.Column("object_id", Id, nullable=False),
        sa.Column("invoice_id", Id, nullable=False),
        sa.PrimaryKeyConstraint("session_id", "object_id", "invoice_id", name="pk_renewal_ids"),
        sqlite_with_rowid=False,
    )
