"""Formats times for JSON."""

from datetime import UTC, datetime


def rfc3339(at_ms: int) -> str:
    """Format epoch milliseconds as RFC 3339, in UTC."""
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def rfc3339_of(at_s: int | None) -> str | None:
    """Format epoch seconds as RFC 3339, in UTC."""
    return None if at_s is None else rfc3339(at_s * 1000)
