"""Recovered sessions, and the secret by which a checkout knows a session as its own.

`payments.recovered_from` is the expired session that Stripe's recovery link led from.
`checkouts.key_digest` is the digest of the secret in the checkout's success URL; checkouts of
before have none. Every event that is still held is marked `unread`: the next start folds it once
more, for the facts have grown (a session's own intents; when an intent succeeded).
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

Id = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")  # bytes have one order


def upgrade() -> None:
    """Add what is new, and let every event be read again."""
    op.add_column("checkouts", sa.Column("key_digest", sa.Text))
    op.add_column("payments", sa.Column("recovered_from", Id))
    recovered = sa.text("recovered_from IS NOT NULL")
    op.create_index(
        "ix_payments_recovered_from",
        "payments",
        ["recovered_from"],
        sqlite_where=recovered,
        postgresql_where=recovered,
    )
    op.execute("UPDATE events SET state = 'unread', reason = NULL WHERE payload IS NOT NULL")
