"""Which checkout a success URL claims."""

import hashlib

import pytest

from app.domain.checkout.claims import Claim, key_digest, read_claim
from app.domain.checkout.return_urls import CHECKOUT_KEY
from tests.support.builders import CHECKOUT_ID

OTHER_ID = CHECKOUT_ID[:-1] + "4"
KEY = "k" * 22
PAGE = "https://shop.example/thanks"


def test_a_claim_is_the_id_and_the_digest_of_the_secret() -> None:
    digest = hashlib.sha256(KEY.encode()).hexdigest()
    url = f"{PAGE}?lang=de&checkout_id={CHECKOUT_ID}&{CHECKOUT_KEY}={KEY}#top"

    assert read_claim(url) == Claim(CHECKOUT_ID, digest)
    assert key_digest(KEY) == digest


@pytest.mark.parametrize(
    "url",
    [
        f"?checkout_id={CHECKOUT_ID}",
        f"{PAGE}?checkout_id={CHECKOUT_ID}",
        f"{PAGE}?a=1&checkout_id={CHECKOUT_ID}&b=2",
        f"{PAGE}?checkout_id={OTHER_ID}&checkout_id={CHECKOUT_ID}",
        f"{PAGE}?xcheckout_id={OTHER_ID}&checkout_id={CHECKOUT_ID}",
        f"{PAGE}?checkout_id={CHECKOUT_ID}&{CHECKOUT_KEY}=short",
    ],
)
def test_the_last_whole_parameter_counts(url: str) -> None:
    assert read_claim(url) == Claim(CHECKOUT_ID, None)


@pytest.mark.parametrize(
    "url",
    [
        None,
        7,
        "",
        PAGE,
        f"checkout_id={CHECKOUT_ID}",
        f"{PAGE}?xcheckout_id={CHECKOUT_ID}",
        f"{PAGE}?checkout_id={CHECKOUT_ID}x",
        f"{PAGE}#?checkout_id={CHECKOUT_ID}",
    ],
)
def test_anything_else_claims_nothing(url: object) -> None:
    assert read_claim(url) == Claim(None, None)


@pytest.mark.parametrize(("length", "is_read"), [(15, False), (16, True), (64, True), (65, False)])
def test_a_secret_has_16_to_64_characters(length: int, is_read: bool) -> None:  # noqa: FBT001 an example
    claim = read_claim(f"{PAGE}?{CHECKOUT_KEY}={'k' * length}")

    assert (claim.key_digest is not None) is is_read
