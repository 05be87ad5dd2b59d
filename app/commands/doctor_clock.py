"""Compares this machine's clock with the clocks of others, for `doctor`."""

import email.utils
import http.client
import time
from typing import Final
from urllib.parse import urlsplit

from app.commands.findings import Finding, Verdict
from app.settings.settings import Settings

TIMEOUT_S: Final = 5.0
SKEW_MAX_S: Final = 30.0
RELEASED_S: Final = 1_793_000_000  # 2026-10: a clock before this program was written is wrong


def clock_of(settings: Settings) -> Finding:
    """Compare with Altan Pay's clock and, if there is a key for its API, with Stripe's."""
    now_s = time.time()
    if now_s < RELEASED_S:
        return Finding("clock", Verdict.FAILS, "the clock is in the past; set it (NTP)")
    urls = {"Altan Pay": settings.altan_pay_url}
    if settings.stripe_api_key is not None:
        urls["Stripe"] = settings.stripe_api_url
    times_s = {name: time_s for name, url in urls.items() if (time_s := _time_at(url)) is not None}
    if not times_s:
        message = f"not compared: {' and '.join(urls)} did not send the time"
        return Finding("clock", Verdict.WARNING, message)
    skew_s = max(abs(time.time() - time_s) for time_s in times_s.values())
    if skew_s > SKEW_MAX_S:
        message = f"{skew_s:.0f} s off; Stripe's signatures would look too old. Set it (NTP)"
        return Finding("clock", Verdict.FAILS, message)
    names = " and ".join(f"{name}'s" for name in times_s)
    return Finding("clock", Verdict.OK, f"within {SKEW_MAX_S:.0f} s of {names}")


def _time_at(url: str) -> float | None:
    """Return the server's time from its Date header, with a harmless HEAD request."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(str(parts.hostname), parts.port, timeout=TIMEOUT_S)
    try:
        connection.request("HEAD", "/")
        date = connection.getresponse().getheader("Date")
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    try:
        return email.utils.parsedate_to_datetime(date).timestamp() if date else None
    except ValueError:  # not a date
        return None
