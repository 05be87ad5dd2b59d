"""Verifies that a webhook was sent by Stripe: HMAC-SHA256 over the timestamp and the raw body.

Source: Stripe, webhooks/signature. The SDK's verifier does the cryptography. Before that, we reject
what it accepts or fails on: odd headers and timestamps in the future. Bodies that are not text,
on which it fails too, are verified here.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from typing import Final

from stripe import SignatureVerificationError, WebhookSignature

from app.domain.errors import SignatureInvalidError, SignatureMissingError
from app.usecases.ports import Clock

HEADER_BYTES_MAX: Final = 4096  # each v1 is compared in turn; Stripe sends one or two

# Names without "," and "=", values without ",": unambiguous, so matching takes linear time.
_HEADER = re.compile(r"[!-+\--<>-~]+=[!-+\--~]*(?:,[!-+\--<>-~]+=[!-+\--~]*)*")
_SIGNATURES = re.compile(r"(?:^|,)v1=([^,]*)")
_TIMESTAMP = re.compile(r"(?:^|,)t=([0-9]{1,12})(?=,|$)")


class StripeSignatures:
    """The endpoint's secrets: several during a rotation, and for test and live mode."""

    def __init__(self, secrets: Sequence[str], *, tolerance_s: int, clock: Clock) -> None:
        if not secrets or not all(secrets):
            raise ValueError("an absent secret never means: verify with an empty key")
        self._secrets = tuple(secrets)
        self._tolerance_s = tolerance_s
        self._clock = clock

    def read_header(self, headers: Sequence[bytes]) -> str:
        """Read and check the Stripe-Signature header, before the body is read.

        Raises:
            SignatureMissingError: there is none.
            SignatureInvalidError: it is malformed, too old or from the future, or there are two.
        """
        if not headers:
            raise SignatureMissingError(
                "Only Stripe can call this endpoint, and it signs its requests."
            )
        if len(headers) > 1:
            raise SignatureInvalidError("There is more than one Stripe-Signature header.")
        header, signed_at_s = _read_header(headers[0])
        if abs(self._clock.now_ms() // 1000 - signed_at_s) > self._tolerance_s:
            raise SignatureInvalidError(
                "The signature is too old, or from the future. Check that the clock is right."
            )
        return header

    def verify(self, body: bytes, header: str) -> None:
        """Verify `body` with a header that was read before.

        Raises:
            SignatureInvalidError: none of our secrets signed this body.
        """
        if not any(_is_signed(body, header, secret) for secret in self._secrets):
            raise SignatureInvalidError(
                "The signature does not match this body with any of our secrets."
            )


def _read_header(raw: bytes) -> tuple[str, int]:
    try:
        header = raw.decode("ascii")
    except UnicodeDecodeError as error:
        raise SignatureInvalidError("The Stripe-Signature header is not ASCII.") from error
    timestamps = _TIMESTAMP.findall(header)
    if len(raw) > HEADER_BYTES_MAX or not _HEADER.fullmatch(header) or len(timestamps) != 1:
        raise SignatureInvalidError("The Stripe-Signature header is malformed.")
    return header, int(timestamps[0])


def _is_signed(body: bytes, header: str, secret: str) -> bool:
    try:
        # No tolerance here: the SDK checks only the past, and with its own clock.
        return bool(WebhookSignature.verify_header(body.decode(), header, secret, tolerance=None))
    except SignatureVerificationError:
        return False
    except UnicodeDecodeError:  # not an event, but a sender with the secret is told what is wrong
        return _are_bytes_signed(body, header, secret)


def _are_bytes_signed(body: bytes, header: str, secret: str) -> bool:
    """Verify a body that the SDK cannot read, because it takes only text."""
    (timestamp,) = _TIMESTAMP.findall(header)
    signed = f"{int(timestamp)}.".encode() + body
    expected = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return any(hmac.compare_digest(expected, given) for given in _SIGNATURES.findall(header))
