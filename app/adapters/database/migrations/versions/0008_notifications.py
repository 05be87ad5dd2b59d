"""Notifications: what the shop's systems are told, each try at posting, and the receiver's state.

Invoices are read once more, because a renewal's notification gives the invoice's own currency.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

Id = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")  # bytes have one order


def upgrade() -> None:
    """Add the tables; nothing that was recorded before is told."""
    _add_notifications()
    _index_notifications()
    op.create_table(
        "notification_tries",
        sa.Column("notification_id", Id, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("duration_ms", sa.BigInteger, nullable=False),
        sa.Column("http_status", sa.Integer),
        sa.Column("problem", sa.Text),
        sa.Column("result", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("notification_id", "at_ms", name="pk_notification_tries"),
        sa.CheckConstraint(
            "result IN ('taken', 'again', 'failed')",
            name=op.f("ck_notification_tries_result_known"),
        ),
        sa.CheckConstraint(
            "length(problem) <= 200", name=op.f("ck_notification_tries_problem_length")
        ),
        sqlite_with_rowid=False,
    )
    _add_delivery()
    op.execute(
        "UPDATE events SET state = 'unread', reason = NULL"
        " WHERE payload IS NOT NULL AND type LIKE 'invoice.%'"
    )


def _add_notifications() -> None:
    checks = {
        "id_form": "length(id) = 30 AND id LIKE 'msg!_%' ESCAPE '!'",
        "delivery_known": "delivery IN ('unposted', 'waiting', 'taken', 'failed')",
        "waiting_is_due": "(delivery = 'waiting') = (due_at_ms IS NOT NULL)",
        "leased_waits": "leased_until_ms IS NULL OR delivery = 'waiting'",
    }
    op.create_table(
        "notifications",
        sa.Column(
            "seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), sa.Identity(), nullable=False
        ),
        sa.Column("tx", sa.BigInteger, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("session_id", Id, nullable=False),
        sa.Column("order_id", Id, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("cause", sa.Text, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("invoice", sa.Text),
        sa.Column("delivery", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("due_at_ms", sa.BigInteger),
        sa.Column("leased_until_ms", sa.BigInteger),
        sa.PrimaryKeyConstraint("seq", name="pk_notifications"),
        sa.UniqueConstraint("id", name="uq_notifications_id"),
        *(
            sa.CheckConstraint(rule, name=op.f(f"ck_notifications_{name}"))
            for name, rule in checks.items()
        ),
        sqlite_autoincrement=True,
    )


def _index_notifications() -> None:
    for name, columns, condition in (
        ("tx", ["tx", "seq"], None),
        ("order_id", ["order_id", "seq"], None),
        ("due_at_ms", ["due_at_ms", "seq"], "delivery = 'waiting'"),
        ("failed", ["seq"], "delivery = 'failed'"),
    ):
        where = sa.text(condition) if condition else None
        op.create_index(
            f"ix_notifications_{name}",
            "notifications",
            columns,
            sqlite_where=where,
            postgresql_where=where,
        )


def _add_delivery() -> None:
    op.create_table(
        "notification_delivery",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("base", sa.BigInteger, nullable=False, server_default=sa.text("0")),
        sa.Column("pruned_tx", sa.BigInteger, nullable=False, server_default=sa.text("0")),
        sa.Column("pruned_seq", sa.BigInteger, nullable=False, server_default=sa.text("0")),
        sa.Column("paused_at_ms", sa.BigInteger),
        sa.Column("pause_reason", sa.Text),
        sa.Column("failures", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("failing_since_ms", sa.BigInteger),
        sa.Column("last_http_status", sa.Integer),
        sa.Column("last_taken_at_ms", sa.BigInteger),
        sa.Column("probe_at_ms", sa.BigInteger, nullable=False, server_default=sa.text("0")),
        sa.PrimaryKeyConstraint("id", name="pk_notification_delivery"),
        sa.CheckConstraint("id = 1", name=op.f("ck_notification_delivery_one_row")),
        sa.CheckConstraint(
            "pause_reason IN ('operator', 'gone')",
            name=op.f("ck_notification_delivery_pause_reason_known"),
        ),
    )
