"""When a notification would be tried again, while it is tried sooner."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; what waits is tried when it is due."""
    op.add_column("notifications", sa.Column("planned_at_ms", sa.BigInteger))
