"""What became of webhooks, and when last: five rows at most, written every few seconds at most."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

Id = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")  # bytes have one order


def upgrade() -> None:
    """Begin with the latest event that is kept: a shop of years has been heard before."""
    op.create_table(
        "webhook_sightings",
        sa.Column("kind", Id, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("times", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("kind", name="pk_webhook_sightings"),
        sa.CheckConstraint(
            "kind IN ('taken', 'refused', 'ignored', 'unheard', 'told')",
            name="kind_known",
        ),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO webhook_sightings (kind, at_ms, times)"
        " SELECT 'taken', max(received_at_ms), 1 FROM events HAVING count(*) > 0"
    )
