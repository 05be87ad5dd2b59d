"""Whose a session is: what its success URL proves of the checkout that it names.

A buyer knows the checkout's id, for it is in the success page's address, and whoever starts
sessions may write any id into a success URL. So a checkout whose payment page did not tell its
session is joined by a secret, which was put beside the id: only the session that was made for the
checkout, and those that recover it, have both.
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
    """A checkout's id and the digest of its secret, where a success URL has them."""

    checkout_id: str | None = None
    key_digest: str | None = None


def read_claim(success_url: object) -> Claim:
    """What a session's success URL names. Ours come last in it, so the last of each counts."""
    if not isinstance(success_url, str):
        return Claim()
    query = success_url.partition("#")[0]
    ids, keys = _ID.findall(query), _KEY.findall(query)
    return Claim(ids[-1] if ids else None, key_digest(keys[-1]) if keys else None)


def key_digest(key: str) -> str:
    """The digest of a checkout's secret: all that is kept of it. 128 random bits need no salt."""
    return hashlib.sha256(key.encode()).hexdigest()
