"""The SQL of the orders table, for the owner's database: PostgreSQL behind PostgREST."""

from collections.abc import Mapping
from typing import Final

TABLE: Final = "checkout_orders"

# The order document's fields, as docs/api.md has them.
COLUMNS: Final[Mapping[str, str]] = {
    "id": "text",
    "checkout_id": "text",
    "session_id": "text",
    "client_reference_id": "text",
    "created_by": "text",
    "mode": "text",
    "livemode": "boolean",
    "status": "text",
    "currency": "text",
    "amount_subtotal": "bigint",
    "amount_discount": "bigint",
    "amount_tax": "bigint",
    "amount_shipping": "bigint",
    "amount_total": "bigint",
    "amount_refunded": "bigint",
    "presentment": "jsonb",
    "line_items": "jsonb",
    "line_items_source": "text",
    "metadata": "jsonb",
    "payment_intent": "text",
    "subscription": "jsonb",
    "refunds": "jsonb",
    "disputes": "jsonb",
    "flags": "jsonb",
    "created_at": "timestamptz",
    "paid_at": "timestamptz",
    "updated_at": "timestamptz",
    "version": "bigint",
}
PERSONAL_COLUMNS: Final[Mapping[str, str]] = {
    "customer": "jsonb",
    "shipping": "jsonb",
    "custom_fields": "jsonb",
}


def orders_table_sql(*, with_personal: bool) -> str:
    """Return the SQL that makes the table, or adds what an older one lacks."""
    columns = dict(COLUMNS)
    if with_personal:
        columns |= PERSONAL_COLUMNS
    key = ("id", "version")
    added = ",\n".join(
        f"  ADD COLUMN IF NOT EXISTS {name} {kind}"
        for name, kind in columns.items()
        if name not in key
    )
    return _SQL.format(table=TABLE, added=added)


# Upserts update a row in place; PostgREST has no condition on them, so the trigger has it.
_SQL: Final = """\
-- One row for each order of altan-checkout. Run it again after an update: it adds what is missing.
BEGIN;

CREATE TABLE IF NOT EXISTS {table} (id text PRIMARY KEY, version bigint NOT NULL);
ALTER TABLE {table}
{added};

-- An older state never overwrites a newer one.
CREATE OR REPLACE FUNCTION {table}_keep_newer() RETURNS trigger
LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
  IF NEW.version < OLD.version THEN
    RETURN NULL;
  END IF;
  RETURN NEW;
END
$$;
DROP TRIGGER IF EXISTS keep_newer ON {table};
CREATE TRIGGER keep_newer BEFORE UPDATE ON {table}
FOR EACH ROW EXECUTE FUNCTION {table}_keep_newer();

-- No policy: pages read nothing; the service key, which bypasses row-level security, writes.
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;

-- Tell PostgREST about the table: with Altan's function if it exists, and with PostgREST's signal.
DO $$
BEGIN
  IF to_regprocedure('apply_postgrest_permissions()') IS NOT NULL THEN
    PERFORM apply_postgrest_permissions();
  END IF;
END
$$;
NOTIFY pgrst, 'reload schema';

COMMIT;
"""
