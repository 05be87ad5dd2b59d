"""Loaded by Schemathesis: shortens long waits, which would only make the run longer."""

import math
import re
from typing import Any, Final

import schemathesis

SHORT_S: Final = 0.1
MAX_S: Final = 25  # more is refused, but by the status, for which it is as much
STATUS: Final = "/checkout/{id}"
_SECONDS: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")


@schemathesis.hook
def map_query(context: Any, query: dict[str, Any] | None) -> dict[str, Any] | None:  # noqa: ANN401 Schemathesis does not export its type
    """Replace a `wait` that is long, unless it is refused; leave all other values as they are."""
    max_s = math.inf if context.operation.path == STATUS else MAX_S
    if query and _is_long(query.get("wait"), max_s):
        query["wait"] = SHORT_S
    return query


def _is_long(wait: object, max_s: float) -> bool:
    text = str(wait)
    return bool(_SECONDS.fullmatch(text)) and SHORT_S < float(text) <= max_s
