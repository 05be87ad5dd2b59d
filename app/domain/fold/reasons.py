"""Why an event failed, in words that any database, terminal and log can hold."""

from typing import Final

REASON_LENGTH_MAX: Final = 500


def reason_of(error: Exception) -> str:
    """The error's kind and words. It may quote the event: control characters are replaced."""
    message = f"{type(error).__name__}: {error}"[:REASON_LENGTH_MAX]
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in message)
