"""Signs notifications by the Standard Webhooks scheme, version 1 (HMAC-SHA256).

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 a mark, not a secret
KEY_BYTES_MIN: Final = 24
KEY_BYTES_MAX: Final = 64


def read_key(secret: str) -> bytes:
    """Return the key of a secret like `whsec_MfKQ…`, 24 to 64 bytes in base64.

    Raises:
        ValueError: it has another form; the message contains no part of it.
    """
    if not secret.startswith(SECRET_PREFIX):
        raise ValueError("does not start with whsec_")
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("is not base64 after whsec_") from error
    if not KEY_BYTES_MIN <= len(key) <= KEY_BYTES_MAX:
        raise ValueError(
            f"has {len(key)} bytes after whsec_, not {KEY_BYTES_MIN} to {KEY_BYTES_MAX}"
        )
    return key


def signatures(keys: Sequence[bytes], *, id_: str, at_s: int, body: bytes) -> str:
    """Return the value of `webhook-signature`: one signature for each key, in their order.

    A receiver accepts the message if it knows one of the keys, so that a key can be replaced
    without losing a message.
    """
    signed = f"{id_}.{at_s}.".encode() + body
    return " ".join(f"v1,{_hmac_base64(key, signed)}" for key in keys)


def _hmac_base64(key: bytes, signed: bytes) -> str:
    return base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
