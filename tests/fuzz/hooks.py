"""Loaded by Schemathesis: shortens long waits, which would only make the run longer."""

import re
from typing import Any, Final

import schemathesis

SHORT_S: Final = 0.1
MAX_S: Final = 25  # more is refused
_SECONDS: Final = re.compile(r"[0-9]{1,2}(\.[0-9]{1,9})?")


@schemathesis.hook
def map_query(_context: object, query: dict[str, Any] | None) -> dict[str, Any] | None:
    """Replace a valid `wait` that is long; leave all other values as they are."""
    if query and _is_long(query.get("wait")):
        query["wait"] = SHORT_S
    return query


def _is_long(wait: object) -> bool:
    text = str(wait)
    return bool(_SECONDS.fullmatch(text)) and SHORT_S < float(text) <= MAX_S
