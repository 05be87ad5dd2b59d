"""Proves which checkout a Checkout Session belongs to, by its success URL.

The checkout's id alone proves nothing: buyers know it from the success page's URL, and anybody who
can start sessions may put any id into a success URL. So if a payment page's URL did not contain its
session's id, the session is matched by a secret next to the checkout's id: only the session that
was created for the checkout, and sessions that recover it, have both.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Final

from app.domain.checkout.return_urls import CHECKOUT_KEY
from app.domain.ids import CHECKOUT_ID

_ID: Final = re.compile(rf"[?&]checkout_id=({CHECKOUT_ID.pattern})(?=&|$)")
_KEY: Final = re.compile(rf"[?&]{CHECKOUT_KEY}=([A-Za-z0-9_-]{{16,64}})(?=&|$)")


@dataclass(frozen=True, slots=True)
class Claim:
    """A checkout's id and the digest of its secret, if a success URL has them."""

    checkout_id: str | None = None
    key_digest: str | None = None


def read_claim(success_url: object) -> Claim:
    """Read the claim in a success URL. Our parameters come last, so the last one counts."""
    if not isinstance(success_url, str):
        return Claim()
    query = success_url.partition("#")[0]
    key = _last(_KEY, CHECKOUT_KEY, query)
    return Claim(_last(_ID, "checkout_id", query), key_digest(key) if key else None)


def _last(parameter: re.Pattern[str], name: str, query: str) -> str | None:
    """Search from the name's first place only: `in` is many times faster than a pattern."""
    start = query.find(f"{name}=")
    found = parameter.findall(query, start - 1) if start > 0 else ()
    return found[-1] if found else None


def key_digest(key: str) -> str:
    """Return the digest of a checkout's secret, to store instead. 128 random bits need no salt."""
    return hashlib.sha256(key.encode()).hexdigest()
