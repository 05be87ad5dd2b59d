"""Ids that look like Stripe's: a prefix and random letters and digits."""

import secrets
import string

ALPHABET = string.ascii_letters + string.digits


def new_id(prefix: str, length: int = 24) -> str:
    """Return `prefix` and `length` random characters of [A-Za-z0-9]."""
    return prefix + "".join(secrets.choice(ALPHABET) for _ in range(length))
