"""SQLite's text of the SQL that both databases share, and what is really different there.

A list is one parameter, a JSON array; there is one writer, so that no row needs a lock.
"""

import re
from functools import cache
from typing import Final

from app.adapters.database.sql import Writing

_SAID_OTHERWISE: Final = (
    (r"= ANY\(ARRAY\((.*?)\)\)", r"IN (\1)"),
    (r"= ANY\((:\w+)::text\[\]\)", r"IN (SELECT value FROM json_each(\1))"),
    (r"\s+FOR UPDATE( SKIP LOCKED)?", ""),
    (r" \+ pg_current_xact_id\(\)::text::bigint", ""),  # with one writer, rows are in order
    (r"pg_snapshot_xm(?:in|ax)\(pg_current_snapshot\(\)\)::text::bigint", "1"),
    (r"::(text|bigint)\b", ""),
    (r' COLLATE "C"', ""),
)


@cache
def in_sqlite(text: str) -> str:
    """A statement of `sql.py` as SQLite takes it: by these few substitutions."""
    for theirs, ours in _SAID_OTHERWISE:
        text = re.sub(theirs, ours, text, flags=re.DOTALL)
    return text


@cache
def for_each_row(writing: Writing) -> str:
    """A statement of `sql.py` that writes rows, for one row at a time."""
    values = ", ".join(f":{name}" for name in writing.columns)
    one_row = ", ".join(f":{name} AS {name}" for name in writing.columns)
    text = in_sqlite(writing.text).replace("SELECT * FROM {rows}", f"VALUES ({values})")
    return text.replace("{rows}", f"(SELECT {one_row}) AS given")


# Pairs as JSON: [[session id, object id], ...].
RENEWALS = """
    SELECT session_id, invoice_id, facts FROM renewals WHERE (session_id, invoice_id) IN (
        SELECT named.session_id, named.invoice_id FROM json_each(:pairs) AS asked
        JOIN renewal_ids AS named ON named.session_id = json_extract(asked.value, '$[0]')
                                 AND named.object_id = json_extract(asked.value, '$[1]'))
"""
# A JSON object: session ids, each with the checkout's id that its success URL names.
SOLD = """
    SELECT asked.key AS asked_by, session_id, key_digest, expected_subtotal_minor,
           expected_currency
    FROM json_each(:asked) AS asked JOIN checkouts ON checkouts.session_id = asked.key
    UNION ALL
    SELECT asked.key AS asked_by, session_id, key_digest, expected_subtotal_minor,
           expected_currency
    FROM json_each(:asked) AS asked JOIN checkouts ON checkouts.id = asked.value
    WHERE checkouts.session_id IS NOT asked.key
"""
