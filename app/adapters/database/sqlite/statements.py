"""SQLite's version of the shared SQL, and the statements that differ.

A list is one parameter, a JSON array. There is one writer, so rows need no locks.
"""

import re
from functools import cache
from typing import Final

from app.adapters.database import fold_sql as sql
from app.adapters.database.fold_sql import SOLD_COLUMNS, Reading
from app.adapters.database.sql import PAYMENT_COLUMNS, Writing

_SAID_OTHERWISE: Final = (
    (r"= ANY\(ARRAY\((.*?)\)\)", r"IN (\1)"),
    (
        r"unnest\((:\w+)::text\[\]\) AS (\w+) \((\w+)\)",
        r"(SELECT value AS \3 FROM json_each(\1)) AS \2",
    ),
    (r"= ANY\((:\w+)::text\[\]\)", r"IN (SELECT value FROM json_each(\1))"),
    (r"\s+FOR UPDATE( SKIP LOCKED)?", ""),
    (r" \+ pg_current_xact_id\(\)::text::bigint", ""),  # with one writer, rows are in order
    (r"pg_snapshot_xm(?:in|ax)\(pg_current_snapshot\(\)\)::text::bigint", "1"),
    (r"::(text|bigint)\b", ""),
    (r' COLLATE "C"', ""),
    (r"encode\((\w+), 'escape'\)", r"CAST(\1 AS text)"),
    (r"\bstrpos\(", "instr("),
)


@cache
def in_sqlite(text: str) -> str:
    """Convert a statement of `sql.py` to SQLite, by a few substitutions."""
    for theirs, ours in _SAID_OTHERWISE:
        text = re.sub(theirs, ours, text, flags=re.DOTALL)
    return text


@cache
def for_each_row(writing: Writing) -> str:
    """Convert a writing statement of `sql.py` to write one row at a time."""
    values = ", ".join(f":{name}" for name in writing.columns)
    one_row = ", ".join(f":{name} AS {name}" for name in writing.columns)
    text = in_sqlite(writing.text).replace("SELECT * FROM {rows}", f"VALUES ({values})")
    return text.replace("{rows}", f"(SELECT {one_row}) AS given")


_SESSIONS: Final = "session_id IN (SELECT value FROM json_each(:sessions))"
# PostgreSQL follows links within one statement, SQLite between statements: `:sessions` are those
# that the links lead to, `:named` the checkouts that their payments name.
_OURS: Final = {
    sql.LINKS: """
        SELECT object_id, session_id FROM payment_links
        WHERE object_id IN (SELECT value FROM json_each(:around))
    """,
    sql.PAYMENTS: f"SELECT {PAYMENT_COLUMNS}, checkout_id FROM payments WHERE {_SESSIONS}",
    sql.CHECKOUTS: f"""
        SELECT {SOLD_COLUMNS} FROM checkouts WHERE {_SESSIONS}
        UNION ALL SELECT {SOLD_COLUMNS} FROM checkouts
        WHERE id IN (SELECT value FROM json_each(:named))
    """,
    # Pairs as JSON: [[session id, object id], ...].
    sql.RENEWALS: """
        SELECT session_id, invoice_id, facts FROM renewals WHERE (session_id, invoice_id) IN (
            SELECT named.session_id, named.invoice_id FROM json_each(:pairs) AS asked
            JOIN renewal_ids AS named ON named.session_id = json_extract(asked.value, '$[0]')
                                     AND named.object_id = json_extract(asked.value, '$[1]'))
    """,
}


@cache
def looking(reading: Reading) -> str:
    """Return a statement that reads rows of one kind."""
    return _OURS.get(reading) or in_sqlite(reading.text)
