"""Formats why an event failed, safely for databases, terminals and logs."""

from typing import Final

REASON_LENGTH_MAX: Final = 500


def reason_of(error: Exception) -> str:
    """Return the error's class and message, without the control characters of quoted events."""
    message = f"{type(error).__name__}: {error}"[:REASON_LENGTH_MAX]
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in message)
