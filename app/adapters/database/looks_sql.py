"""The SQL of the looks at Stripe, as PostgreSQL takes it; see `sql.py`."""

from typing import Final

from app.usecases.reconciliation import LookState

STATE: Final = tuple(LookState.__dataclass_fields__)
FIND = f"SELECT {', '.join(STATE)} FROM reconciliation"
LEAD = """
    INSERT INTO reconciliation (id, holder, lease_until_ms) VALUES (1, :holder, :until_ms)
    ON CONFLICT (id) DO UPDATE
    SET holder = excluded.holder, lease_until_ms = excluded.lease_until_ms
    WHERE reconciliation.holder = excluded.holder OR reconciliation.lease_until_ms < :now_ms
"""
# Who has been replaced meanwhile must not set the clock back.
KEEP = f"""
    UPDATE reconciliation SET lease_until_ms = :until_ms,
    {", ".join(f"{name} = :{name}" for name in STATE)}
    WHERE holder = :holder
"""
LEAVE = "UPDATE reconciliation SET lease_until_ms = 0 WHERE holder = :holder"
