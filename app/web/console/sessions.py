"""Operators' sessions: a signed cookie, and nothing stored on the server.

The keys come from ADMIN_API_TOKEN, so a new token ends every session, on all replicas at once.
"""

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from typing import Final

from app.usecases.ports import Clock

SESSION_S: Final = 12 * 60 * 60
CLOCK_SKEW_S: Final = 300  # between the replica that began a session and the one that reads it

_COOKIE: Final = re.compile(r"([1-9][0-9]{0,11})\.([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True)
class Session:
    """One operator's session: when it began, in epoch seconds, and a random text."""

    began_s: int
    nonce: str


class Sessions:
    """Begins and reads the sessions of those who know one token."""

    def __init__(self, token: str, clock: Clock) -> None:
        self._clock = clock
        self._cookie_key = _key(token, "session")
        self._form_key = _key(token, "form")

    def begin(self) -> str:
        """Return the cookie of a new session."""
        nonce = base64.urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("=")
        session = Session(self._now_s(), nonce)
        return f"{_written(session)}.{_mac(self._cookie_key, session)}"

    def read(self, cookie: str) -> Session | None:
        """Return the session of a cookie; None if it is not ours, or too old."""
        found = _COOKIE.fullmatch(cookie)
        if found is None:
            return None
        session = Session(int(found[1]), found[2])
        if not hmac.compare_digest(_mac(self._cookie_key, session), found[3]):
            return None
        age_s = self._now_s() - session.began_s
        return session if -CLOCK_SKEW_S <= age_s < SESSION_S else None

    def form_token(self, session: Session) -> str:
        """Return the text that each form of this session sends, and that no other page knows."""
        return _mac(self._form_key, session)

    def is_form_token(self, session: Session, text: str) -> bool:
        """Return whether a form of this session sent this."""
        sent = text.encode("utf-8", "surrogateescape")
        return hmac.compare_digest(self.form_token(session).encode(), sent)

    def _now_s(self) -> int:
        return self._clock.now_ms() // 1000


def _key(token: str, purpose: str) -> bytes:
    """Derive a key for one purpose, so that nothing signed for one is valid for another."""
    label = f"altan-checkout console {purpose} 1".encode()
    return hmac.digest(token.encode("utf-8", "surrogateescape"), label, hashlib.sha256)


def _written(session: Session) -> str:
    return f"{session.began_s}.{session.nonce}"


def _mac(key: bytes, session: Session) -> str:
    digest = hmac.digest(key, _written(session).encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
