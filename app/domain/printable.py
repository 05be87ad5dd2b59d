"""Escapes control and format characters, so that untrusted text is safe to print on a terminal.

Terminals execute control characters (U+009B starts a command, like ESC [), and format characters
can make text look different (U+202E reverses it). All are shown by number, as in JSON.
"""

import re
from typing import Final

# Unicode's categories Cc, Cf, Cs, Zl and Zp, and the fillers that are invisible.
_INVISIBLE: Final = (
    "\x00-\x1f\x7f-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160"
    "\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff"
)
_IN_A_LINE: Final = re.compile(f"[{_INVISIBLE}]")
_BEYOND_ASCII: Final = re.compile(f"[{_INVISIBLE}]".replace("\x00-\x1f\x7f-", "\x7f-"))
_BASIC_PLANE_END: Final = 0xFFFF


def printable(text: str) -> str:
    """Return `text` with all control and format characters escaped, including line breaks."""
    return _IN_A_LINE.sub(_escaped, text)


def printable_lines(text: str) -> str:
    """Like `printable`, but keeps line breaks."""
    return "\n".join(printable(line) for line in text.split("\n"))


def printable_json(document: str) -> str:
    """Like `printable`, for JSON, which stays valid and keeps its meaning."""
    if document.isascii() and "\x7f" not in document:
        return document  # nearly always, and much faster than the pattern
    return _BEYOND_ASCII.sub(_escaped, document)


def _escaped(match: re.Match[str]) -> str:
    """Return the JSON escape; characters beyond the basic plane become a surrogate pair."""
    code = ord(match[0])
    if code <= _BASIC_PLANE_END:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"
