"""Signs webhooks as Stripe does, deliberately without the service's own code."""

import hashlib
import hmac


def sign(body: bytes, *, secret: str, at: int) -> str:
    """Return the `Stripe-Signature` header for `body`, signed at the Unix time `at`.

    HMAC-SHA256 over `t`, a dot and the raw body; the key is the secret including `whsec_`
    (Stripe's docs: webhooks#verify-manually).
    """
    signed = str(at).encode() + b"." + body
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"
