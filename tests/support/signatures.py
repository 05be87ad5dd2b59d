"""Signatures that a test makes and checks."""

from app.adapters.stripe_signature import StripeSignatures
from tests.support.builders import NOW_S, SECRET, FixedClock, sign

BODY = '{"id": "evt_1", "name": "Zoë", "price": "1 €"}'.encode()
TOLERANCE_S = 300
OLD_SECRET = "whsec_the_secret_before"
MAC = sign(BODY, at_s=NOW_S).partition("v1=")[2]
OTHER_MAC = "0" * 64


def signatures(*secrets: str) -> StripeSignatures:
    return StripeSignatures(secrets or (SECRET,), tolerance_s=TOLERANCE_S, clock=FixedClock())


def check(signatures: StripeSignatures, body: bytes, headers: list[bytes]) -> None:
    signatures.verify(body, signatures.read_header(headers))


def verify(header: str | bytes, body: bytes = BODY) -> None:
    """Returns where the signature is right, and raises where it is not."""
    raw = header if isinstance(header, bytes) else header.encode()
    check(signatures(), body, [raw])
