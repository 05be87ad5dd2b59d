"""Which checkouts had a payment attempted, so that lists of those need not walk over all others."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_ATTEMPTED = "status NOT IN ('open', 'expired')"
_MARKED = "(has_attempt OR session_id IS NULL)"
_NUMBERED = "client_reference_id IS NOT NULL"


def upgrade() -> None:
    """Add the marks, set them for the payments of before, and index what lists need."""
    for table, name in (("checkouts", "has_attempt"), ("payments", "attempt_noted")):
        op.add_column(table, sa.Column(name, sa.Boolean, nullable=False, server_default=sa.false()))
    op.execute(
        "UPDATE checkouts SET has_attempt = true WHERE EXISTS (SELECT 1 FROM payments"  # noqa: S608 ours
        f" WHERE payments.session_id = checkouts.session_id AND {_ATTEMPTED})"
    )
    op.execute(f"UPDATE payments SET attempt_noted = true WHERE {_ATTEMPTED}")  # noqa: S608 ours
    for table, key, where in (
        ("checkouts", "id", _MARKED),
        ("payments", "session_id", _ATTEMPTED),
    ):
        name, columns = f"ix_{table}_attempted", ["created_at_ms", key]
        _index(name, table, columns, where)
        numbered = f"{where} AND {_NUMBERED}"
        _index(f"{name}_reference", table, ["client_reference_id", *columns], numbered)
    _index("ix_payments_unnoted", "payments", ["session_id"], f"NOT attempt_noted AND {_ATTEMPTED}")


def _index(name: str, table: str, columns: list[str], where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, sqlite_where=condition, postgresql_where=condition)
