"""What a checkout costs while the recurring prices of its cart are free."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; it is unknown of the checkouts of before."""
    op.add_column("checkouts", sa.Column("expected_in_trial_minor", sa.BigInteger))
