"""The machine's clock and its source of randomness."""

import base64
import contextlib
import secrets
import sys
import time

if sys.platform != "win32":
    import resource

_TIMESTAMP_BYTES = 6  # milliseconds, enough until the year 10889
_RANDOM_BYTES = 16  # 128 bits: nobody guesses a checkout's id
_KEY_BYTES = 16  # nor its secret


def allow_many_open_files() -> None:
    """Each connection is an open file, and many systems give a process 1,024 until it asks."""
    if sys.platform != "win32":
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        with contextlib.suppress(OSError, ValueError):  # then it stays as it is
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class SystemClock:
    """The time of day, as the operating system tells it."""

    def now_ms(self) -> int:
        """Milliseconds since 1970, UTC."""
        return time.time_ns() // 1_000_000


class RandomCheckoutIds:
    """`chk_` and 36 characters of base32hex, whose alphabet sorts as the bytes do (RFC 4648)."""

    def new(self, now_ms: int) -> str:
        """An id with the time in front, so that rows made together lie together in the index."""
        raw = now_ms.to_bytes(_TIMESTAMP_BYTES, "big") + secrets.token_bytes(_RANDOM_BYTES)
        return "chk_" + base64.b32hexencode(raw).decode().rstrip("=").lower()

    def new_key(self) -> str:
        """A secret of its own for a checkout."""
        return secrets.token_urlsafe(_KEY_BYTES)
