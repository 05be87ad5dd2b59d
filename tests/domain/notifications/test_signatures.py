"""The signature, read by the scheme's own library, which shares no code with ours."""

import base64
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from app.domain.notifications.signatures import read_key, signatures

OLD = f"whsec_{base64.b64encode(b'o' * 24).decode()}"
NEW = f"whsec_{base64.b64encode(b'n' * 64).decode()}"


def headers(body: bytes, *secrets: str) -> dict[str, str]:
    at_s = int(time.time())
    keys = [read_key(secret) for secret in secrets]
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(at_s),
        "webhook-signature": signatures(keys, id_="msg_1", at_s=at_s, body=body),
    }


def test_the_schemes_own_example_has_the_signature_that_it_says() -> None:
    key = read_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")

    signature = signatures(
        [key], id_="msg_p5jXN8AQM9LWM0D4loKWxJek", at_s=1_614_265_330, body=b'{"test": 2432232314}'
    )

    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("secret", [OLD, NEW])
def test_a_receiver_with_one_of_the_secrets_can_verify(secret: str) -> None:
    sent = headers(b'{"a": 1}', NEW, OLD)

    assert Webhook(secret).verify(b'{"a": 1}', sent) == {"a": 1}
    assert sent["webhook-signature"].startswith(headers(b'{"a": 1}', NEW)["webhook-signature"])


@given(body=st.text().map(str.encode), key=st.binary(min_size=24, max_size=64))
def test_any_body_is_verified_with_any_key(body: bytes, key: bytes) -> None:
    secret = f"whsec_{base64.b64encode(key).decode()}"

    Webhook(secret).verify(body, headers(body, secret), json_parse=False)


@pytest.mark.parametrize("changed", ["webhook-id", "webhook-timestamp", "body", "secret"])
def test_what_was_changed_on_the_way_is_not_verified(changed: str) -> None:
    sent = headers(b"{}", NEW)
    if changed == "webhook-id":
        sent["webhook-id"] = "msg_2"
    if changed == "webhook-timestamp":
        sent["webhook-timestamp"] = str(int(sent["webhook-timestamp"]) + 1)

    with pytest.raises(WebhookVerificationError):
        Webhook(OLD if changed == "secret" else NEW).verify(
            b"[]" if changed == "body" else b"{}", sent
        )


@pytest.mark.parametrize("bytes_", [24, 64])
def test_a_key_has_24_to_64_bytes(bytes_: int) -> None:
    key = bytes(range(bytes_))

    assert read_key(f"whsec_{base64.b64encode(key).decode()}") == key


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        (OLD.removeprefix("whsec_"), "does not start with whsec_"),
        ("whsec_", "has 0 bytes"),
        (f"whsec_{base64.b64encode(b'x' * 23).decode()}", "has 23 bytes"),
        (f"whsec_{base64.b64encode(b'x' * 65).decode()}", "has 65 bytes"),
        (OLD + "!", "is not base64"),
        (OLD + " ", "is not base64"),
        (OLD[:-1], "is not base64"),
        ("whsec_" + "ü" * 32, "is not base64"),
    ],
)
def test_another_secret_has_no_key(secret: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_key(secret)
