"""Times on the command line: a date, a time, or how long ago."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

_AGO: Final = re.compile(r"([0-9]{1,5})([mhd])")
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}


def since_ms(text: str, now: datetime) -> int:
    """Return epoch milliseconds of `7d`, `12h`, `30m`, `2026-11-29` or `2026-11-29T12:00Z`.

    Raises:
        ValueError: it is none of these.
    """
    if ago := _AGO.fullmatch(text):
        at = now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    else:
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            raise ValueError(f"{text} is not a time: use 7d, 12h, 30m or 2026-11-29") from None
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(round(at.timestamp() * 1000), 0)


def midnight_ms(now: datetime) -> int:
    """Return when today began, in the time zone of `now`."""
    return round(now.replace(hour=0, minute=0, second=0, microsecond=0).timestamp() * 1000)
