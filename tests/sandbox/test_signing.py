import time

import pytest
from stripe import SignatureVerificationError, WebhookSignature

from sandbox.stripe.signing import sign

SECRET = "whsec_abc"
BODY = '{"id": "evt_1", "name": "Zoë"}'


def test_the_sdk_of_stripe_accepts_the_signature() -> None:
    header = sign(BODY.encode(), secret=SECRET, at=int(time.time()))

    assert WebhookSignature.verify_header(BODY, header, SECRET, tolerance=300)


def test_another_secret_is_rejected() -> None:
    header = sign(BODY.encode(), secret="whsec_other", at=int(time.time()))

    with pytest.raises(SignatureVerificationError, match="No signatures found"):
        WebhookSignature.verify_header(BODY, header, SECRET, tolerance=300)


def test_the_time_of_signing_is_in_the_header() -> None:
    assert sign(b"{}", secret=SECRET, at=1700000000).startswith("t=1700000000,v1=")
