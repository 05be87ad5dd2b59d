"""One key for all checkouts with the same order number and cart, to find second payments fast."""

import hashlib
import sqlite3

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

Id = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")  # bytes have one order
_OF_POSTGRES = (
    "encode(sha256(convert_to(client_reference_id || chr(10) || line_items, 'UTF8')), 'hex')"
)


def upgrade() -> None:
    """Add the key, and compute it for the checkouts of before."""
    op.add_column("checkouts", sa.Column("twin_key", Id))
    key = _OF_POSTGRES
    driver = op.get_bind().connection.driver_connection
    if isinstance(driver, sqlite3.Connection):  # which has no digests
        key = "twin_key_of(client_reference_id, line_items)"
        driver.create_function("twin_key_of", 2, _twin_key, deterministic=True)
    op.execute(
        f"UPDATE checkouts SET twin_key = {key}"  # noqa: S608 ours
        " WHERE client_reference_id IS NOT NULL AND mode = 'payment'"
    )
    is_known = sa.text("twin_key IS NOT NULL")
    op.create_index(
        "ix_checkouts_twin_key",
        "checkouts",
        ["twin_key", "created_at_ms", "id"],
        sqlite_where=is_known,
        postgresql_where=is_known,
    )


def _twin_key(reference: str, line_items: str) -> str:
    return hashlib.sha256(f"{reference}\n{line_items}".encode()).hexdigest()
