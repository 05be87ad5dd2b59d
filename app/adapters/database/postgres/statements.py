"""PostgreSQL's text of the SQL that both databases share, and what is really different there."""

import re
from collections.abc import Sequence
from functools import cache
from typing import Final

from app.adapters.database import sql

_PARAMETER: Final = re.compile(r"(?<![:\w]):(\w+)")


@cache
def numbered(text: str) -> tuple[str, tuple[str, ...]]:
    """A statement of `sql.py` with numbers for its parameters, and their names in that order."""
    names = tuple(dict.fromkeys(_PARAMETER.findall(text)))
    return _PARAMETER.sub(lambda found: f"${names.index(found[1]) + 1}", text), names


@cache
def writing(kinds: tuple[sql.Writing, ...]) -> str:
    """One statement that writes rows of all these kinds; the ids of those events that are new.

    Its parameters are a list for each column of each kind, in their order. The parts do not see
    each other's rows, and the foreign key of links is checked when all of it has been done.
    """
    parts, number = list[str](), 0
    for kind in kinds:
        arrays = []
        for type_ in kind.columns.values():
            number += 1
            arrays.append(f"${number}::{type_}[]")
        rows = f"unnest({', '.join(arrays)}) AS given ({', '.join(kind.columns)})"
        parts.append(kind.text.replace("{rows}", rows))
    events = f"{parts.pop()} RETURNING id" if kinds[-1] is sql.ADD_EVENT else ""
    others = ", ".join(f"part_{number} AS ({part})" for number, part in enumerate(parts))
    nothing = "SELECT NULL AS id WHERE false"
    return f"WITH {others} {events or nothing}" if others else events


def columns(kind: sql.Writing, rows: Sequence[dict[str, object]]) -> list[list[object]]:
    """The parameters of `writing` for rows of one kind."""
    return [[row[name] for row in rows] for name in kind.columns]


# Two replicas may reach a payment by different ids: the second one waits, and reads again.
PAYMENTS_TO_CHANGE: Final = f"{sql.PAYMENTS} ORDER BY session_id FOR UPDATE"
# What the fold of a batch asks, at once: which events are known ('e'), and of the ids that they
# mention the links ('l'), whether an event speaks of it ('m'), what our own checkouts' carts cost
# ('c'), and the payments ('p'), locked as PAYMENTS_TO_CHANGE locks them.
FORESEE: Final = f"""
    WITH linked AS ({sql.LINKS}),
    touched AS (
        SELECT {sql.PAYMENT_COLUMNS} FROM payments
        WHERE session_id = ANY(ARRAY(
            SELECT session_id FROM linked UNION SELECT unnest(:object_ids::text[])))
        ORDER BY session_id FOR UPDATE
    )
    SELECT 'e', id, NULL, NULL::bigint, NULL::bigint, NULL::boolean, NULL
    FROM ({sql.KNOWN_EVENTS}) AS known
    UNION ALL
    SELECT 'l', object_id, session_id, NULL, NULL, NULL, NULL FROM linked
    UNION ALL
    SELECT 'm', asked.id, NULL, NULL, NULL, NULL, NULL
    FROM unnest(:object_ids::text[]) AS asked (id)
    WHERE EXISTS (SELECT FROM event_mentions WHERE object_id = asked.id)
    UNION ALL
    SELECT 'c', session_id, expected_currency, expected_subtotal_minor, NULL, NULL, key_digest
    FROM checkouts
    WHERE session_id = ANY(:object_ids::text[])
    UNION ALL
    SELECT 'p', {sql.PAYMENT_COLUMNS}, NULL FROM touched
"""
RENEWALS: Final = """
    SELECT DISTINCT renewals.session_id, renewals.invoice_id, renewals.facts
    FROM unnest(:session_ids::text[], :object_ids::text[]) AS asked (session_id, object_id)
    JOIN renewal_ids AS named USING (session_id, object_id)
    JOIN renewals USING (session_id, invoice_id)
"""
SOLD: Final = """
    SELECT asked.session_id AS asked_by, checkouts.session_id, key_digest,
           expected_subtotal_minor, expected_currency
    FROM unnest(:session_ids::text[], :checkout_ids::text[]) AS asked (session_id, checkout_id)
    JOIN checkouts ON checkouts.session_id = asked.session_id
    UNION ALL
    SELECT asked.session_id AS asked_by, checkouts.session_id, key_digest,
           expected_subtotal_minor, expected_currency
    FROM unnest(:session_ids::text[], :checkout_ids::text[]) AS asked (session_id, checkout_id)
    JOIN checkouts ON checkouts.id = asked.checkout_id
    WHERE checkouts.session_id IS DISTINCT FROM asked.session_id
"""
TRY_TO_LEAD: Final = "SELECT pg_try_advisory_xact_lock(:service, :lock) AS leads"
# One transaction at a time reads, judges and writes them: the third of LOCKS_OF_THE_SERVICE.
LOCK_SIGHTINGS: Final = "SELECT pg_advisory_xact_lock(1634497646, 3)"
