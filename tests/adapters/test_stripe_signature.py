import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stripe import WebhookSignature

from app.adapters.stripe_signature import HEADER_BYTES_MAX, StripeSignatures
from app.domain.errors import SignatureInvalidError, SignatureMissingError
from tests.support.builders import NOW_S, SECRET, FixedClock, sign
from tests.support.signatures import (
    BODY,
    MAC,
    OLD_SECRET,
    OTHER_MAC,
    TOLERANCE_S,
    check,
    signatures,
    verify,
)

# --- what is right


def test_a_signature_of_our_own_making_is_taken() -> None:
    verify(sign(BODY, at_s=NOW_S))


def test_a_signature_of_the_sdks_making_is_taken() -> None:
    header = WebhookSignature.generate_signature_header(BODY.decode(), SECRET, timestamp=NOW_S)

    verify(header)


@given(st.text(), st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1))
def test_any_text_signed_with_any_secret_is_taken(text: str, secret: str) -> None:
    body = text.encode("utf-8", "replace")
    ours = sign(body, secret=secret, at_s=NOW_S).encode()
    sdks = WebhookSignature.generate_signature_header(body.decode(), secret, timestamp=NOW_S)

    check(signatures(secret), body, [ours])
    check(signatures(secret), body, [sdks.encode()])


def test_an_empty_body_can_be_signed() -> None:
    verify(sign(b"", at_s=NOW_S), b"")


@pytest.mark.parametrize(
    "header",
    [
        f"t={NOW_S},v1={OTHER_MAC},v1={MAC}",
        f"t={NOW_S},v1={MAC},v1={OTHER_MAC}",
        f"v1={MAC},t={NOW_S}",
        f"t={NOW_S},v0={OTHER_MAC},v1={MAC}",
        f"t={NOW_S},v1={MAC},v2=later",
    ],
)
def test_one_right_signature_among_others_is_enough(header: str) -> None:
    verify(header)


@pytest.mark.parametrize("secret", [SECRET, OLD_SECRET])
def test_each_of_several_secrets_is_tried(secret: str) -> None:
    header = sign(BODY, secret=secret, at_s=NOW_S).encode()

    check(signatures(OLD_SECRET, SECRET), BODY, [header])


@pytest.mark.parametrize("drift_s", [-TOLERANCE_S, -1, 0, 1, TOLERANCE_S])
def test_a_time_within_the_tolerance_is_taken(drift_s: int) -> None:
    verify(sign(BODY, at_s=NOW_S + drift_s))


def test_the_tolerance_is_counted_in_whole_seconds() -> None:
    at_the_end_of_the_second = FixedClock(ms=NOW_S * 1000 + 999)
    signatures = StripeSignatures([SECRET], tolerance_s=0, clock=at_the_end_of_the_second)

    check(signatures, BODY, [sign(BODY, at_s=NOW_S).encode()])


def test_a_header_of_the_greatest_length_is_taken() -> None:
    header = sign(BODY, at_s=NOW_S)

    verify(header + ",v2=" + "x" * (HEADER_BYTES_MAX - len(header) - 4))


# --- what is wrong


def test_without_a_header_the_signature_is_missing() -> None:
    with pytest.raises(SignatureMissingError):
        check(signatures(), BODY, [])


def test_two_headers_are_refused_even_where_both_are_right() -> None:
    header = sign(BODY, at_s=NOW_S).encode()

    with pytest.raises(SignatureInvalidError, match="more than one"):
        check(signatures(), BODY, [header, header])


@pytest.mark.parametrize("drift_s", [-10 * 365 * 86400, -3600, -TOLERANCE_S - 1])
def test_a_time_too_far_in_the_past_is_refused(drift_s: int) -> None:
    with pytest.raises(SignatureInvalidError, match="too old, or from the future"):
        verify(sign(BODY, at_s=NOW_S + drift_s))


@pytest.mark.parametrize("drift_s", [TOLERANCE_S + 1, 3600, 10 * 365 * 86400])
def test_a_time_too_far_in_the_future_is_refused(drift_s: int) -> None:
    with pytest.raises(SignatureInvalidError, match="too old, or from the future"):
        verify(sign(BODY, at_s=NOW_S + drift_s))


def test_another_secret_proves_nothing() -> None:
    with pytest.raises(SignatureInvalidError, match="does not match this body"):
        verify(sign(BODY, secret=OLD_SECRET, at_s=NOW_S))


@pytest.mark.parametrize("body", [BODY + b" ", b" " + BODY, BODY[:-1], BODY.upper(), b""])
def test_another_body_is_not_proven(body: bytes) -> None:
    with pytest.raises(SignatureInvalidError, match="does not match this body"):
        verify(sign(BODY, at_s=NOW_S), body)


def test_another_time_is_not_proven() -> None:
    with pytest.raises(SignatureInvalidError, match="does not match this body"):
        verify(f"t={NOW_S + 1},v1={MAC}")


def test_the_decoy_v0_proves_nothing() -> None:
    with pytest.raises(SignatureInvalidError, match="does not match this body"):
        verify(f"t={NOW_S},v0={MAC},v1={OTHER_MAC}")


def test_v0_alone_proves_nothing() -> None:
    with pytest.raises(SignatureInvalidError):
        verify(f"t={NOW_S},v0={MAC}")


@given(st.integers(0, len(MAC) - 1))
def test_a_single_wrong_digit_is_noticed(position: int) -> None:
    wrong = "1" if MAC[position] == "0" else "0"

    with pytest.raises(SignatureInvalidError):
        verify(f"t={NOW_S},v1={MAC[:position]}{wrong}{MAC[position + 1 :]}")


# --- the secrets


@pytest.mark.parametrize("secrets", [[], [""], [SECRET, ""]])
def test_an_absent_secret_never_means_an_empty_key(secrets: list[str]) -> None:
    with pytest.raises(ValueError, match="absent secret"):
        StripeSignatures(secrets, tolerance_s=TOLERANCE_S, clock=FixedClock())


def test_a_body_signed_with_an_empty_key_is_refused() -> None:
    mac = hmac.new(b"", f"{NOW_S}.".encode() + BODY, hashlib.sha256).hexdigest()

    with pytest.raises(SignatureInvalidError):
        verify(f"t={NOW_S},v1={mac}")


@pytest.mark.parametrize("header", ["garbage", sign(BODY, secret=OLD_SECRET, at_s=NOW_S)])
def test_no_error_contains_a_secret(header: str) -> None:
    with pytest.raises(SignatureInvalidError) as refused:
        verify(header)

    assert SECRET not in repr(refused.value)
    assert SECRET not in refused.value.detail
