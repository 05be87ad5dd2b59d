"""Reads how long a server asks us to wait: Retry-After (RFC 9110, 10.2.3)."""

import email.utils
import re
from datetime import UTC
from typing import Final

RETRY_AFTER_S_MAX: Final = 86_400


def read_retry_after(value: str, *, now_s: float | None = None) -> int | None:
    """Return the seconds, a day at most; None if it has another form, or is in the past.

    A date is only read with `now_s`. Never raises, whatever the header contains.
    """
    if re.fullmatch(r"[0-9]{1,10}", value):
        return min(int(value), RETRY_AFTER_S_MAX)
    if now_s is None:
        return None
    try:
        at = email.utils.parsedate_to_datetime(value)
        seconds = int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - now_s)
    except Exception:  # noqa: BLE001 the parser does not say what it raises: OverflowError, for one
        return None
    return min(seconds, RETRY_AFTER_S_MAX) if seconds > 0 else None
