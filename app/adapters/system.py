"""The system's clock and random numbers."""

import base64
import contextlib
import secrets
import sys
import time

if sys.platform != "win32":
    import resource

_TIMESTAMP_BYTES = 6  # milliseconds, sufficient until the year 10889
_RANDOM_BYTES = 16  # 128 bits: nobody can guess a checkout's id
_KEY_BYTES = 16  # or its secret


def allow_many_open_files() -> None:
    """Raise the limit of open files: each connection is one, and the default is often 1,024."""
    if sys.platform != "win32":
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        with contextlib.suppress(OSError, ValueError):  # then it stays as it is
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class SystemClock:
    """The operating system's clock."""

    def now_ms(self) -> int:
        """Return milliseconds since 1970, UTC."""
        return time.time_ns() // 1_000_000


class RandomCheckoutIds:
    """Return `chk_` and 36 characters of base32hex, which sorts like the bytes (RFC 4648)."""

    def new(self, now_ms: int) -> str:
        """Return an id that begins with the time, so that new rows are close in the index."""
        raw = now_ms.to_bytes(_TIMESTAMP_BYTES, "big") + secrets.token_bytes(_RANDOM_BYTES)
        return "chk_" + base64.b32hexencode(raw).decode().rstrip("=").lower()

    def new_key(self) -> str:
        """Return a new secret for a checkout."""
        return secrets.token_urlsafe(_KEY_BYTES)
