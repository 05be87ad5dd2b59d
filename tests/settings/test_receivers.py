"""NOTIFY_…: what is refused at the start without being repeated, and what is doubted."""

import base64
from pathlib import Path

import pytest

from app.settings.doubts import doubts
from app.settings.receivers import SANDBOX_NOTIFY_SECRET
from sandbox.config import SandboxConfig
from tests.support.builders import SECRET, Document, settings
from tests.support.settings_loading import Load, shown

KEY = f"whsec_{base64.b64encode(b'k' * 24).decode()}"
NEWER = f"whsec_{base64.b64encode(bytes(range(64))).decode()}"
URL = "https://hooks.test/hunter2"


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://hooks.test/hunter2?x=1", "hooks.test"),
        ("https://10.0.0.7:8443/hook", "10.0.0.7"),
        ("http://localhost:9000/hook", "localhost"),
        ("http://127.0.0.1/", "127.0.0.1"),
        ("http://[::1]:9000/hook", "[::1]"),
        ("http://orders:3000/hook", "orders"),
    ],
)
def test_a_receiver_is_shown_as_its_host_alone(load: Load, url: str, host: str) -> None:
    loaded = load(NOTIFY_URL=url, NOTIFY_SECRETS=KEY)

    assert loaded.notify_url
    assert loaded.notify_url.get_secret_value() == url
    assert loaded.notify_host == host
    assert "hunter2" not in repr(loaded)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://hooks.test/hunter2", "must be https"),
        ("http://10.0.0.7/hunter2", "must be https"),
        ("http://[2001:db8::1]/hunter2", "must be https"),
        ("ftp://hooks.test/hunter2", "absolute http(s) URL"),
        ("https://me:hunter2@hooks.test/", "without user name"),
        ("https://hooks.test/#hunter2", "no fragment"),
        ("https://169.254.169.254/hunter2", "link-local or metadata"),
        ("https://[fe80::1]/hunter2", "link-local or metadata"),
        ("https://[::ffff:169.254.169.254]/hunter2", "link-local or metadata"),
    ],
)
def test_another_address_is_refused_and_never_repeated(load: Load, url: str, words: str) -> None:
    (line,) = load.lines(NOTIFY_URL=url, NOTIFY_SECRETS=KEY)

    assert line.startswith("NOTIFY_URL is wrong: ")
    assert words in line
    assert "hunter2" not in line


def test_several_secrets_sign_the_newest_first(load: Load) -> None:
    assert shown(load(NOTIFY_URL=URL, NOTIFY_SECRETS=f"{NEWER}, {KEY}").notify_secrets) == [
        NEWER,
        KEY,
    ]


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        ("hunter2", "does not start with whsec_"),
        ("whsec_hunter2", "is not base64"),
        (f"whsec_{base64.b64encode(b'hunter2').decode()}", "has 7 bytes"),
        (
            f"whsec_{base64.b64encode(b'x' * 65).decode()}",
            "has 65 bytes after whsec_, not 24 to 64",
        ),
        (f"{KEY},whsec_hunter2!", "is not base64"),
    ],
)
def test_another_secret_is_refused_with_the_way_to_make_one(
    load: Load, secret: str, words: str
) -> None:
    (line,) = load.lines(NOTIFY_URL=URL, NOTIFY_SECRETS=secret)

    assert line.startswith("NOTIFY_SECRETS is wrong: ")
    assert words in line
    assert "openssl rand -base64 32" in line
    assert secret not in line


def test_the_demos_published_secret_signs_in_the_demo_alone(load: Load) -> None:
    changes = {"NOTIFY_URL": URL, "NOTIFY_SECRETS": f"{KEY},{SANDBOX_NOTIFY_SECRET}"}

    (line,) = load.lines(**changes)

    assert line.startswith("NOTIFY_SECRETS is wrong: it is the sandbox's published secret")
    assert SANDBOX_NOTIFY_SECRET not in line
    assert load(**changes, ALTAN_PAY_URL="http://127.0.0.1:9000").notify_secrets
    assert SandboxConfig().notify_secret == SANDBOX_NOTIFY_SECRET


def test_nothing_is_sent_unsigned(load: Load) -> None:
    (line,) = load.lines(NOTIFY_URL=URL)

    assert line.startswith("NOTIFY_SECRETS is missing, which NOTIFY_URL needs: make one with")


@pytest.mark.parametrize(
    ("header", "name"),
    [("Authorization: Bearer hunter2", "Authorization"), ("X-Key:hunter2 b c", "X-Key")],
)
def test_a_header_is_shown_as_its_name_alone(load: Load, header: str, name: str) -> None:
    loaded = load(NOTIFY_URL=URL, NOTIFY_SECRETS=KEY, NOTIFY_AUTH_HEADER=header)

    assert loaded.notify_auth_header
    assert (
        loaded.notify_auth_header.get_secret_value()
        == f"{name}: {header.partition(':')[2].strip()}"
    )
    assert loaded.notify_auth_header_name == name
    assert "hunter2" not in repr(loaded)


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("hunter2", "one header"),
        ("X-Key:", "one header"),
        ("X Key: hunter2", "one header"),
        ("X-Key: hunter2\r\nX-Other: 1", "one header"),
        ("X-Key: hünter2", "one header"),
        ("X-Key: " + "hunter2" * 1000, "one header"),
        ("Webhook-Id: hunter2", "must not set Webhook-Id"),
        ("host: hunter2", "must not set host"),
        ("Content-Type: hunter2", "must not set Content-Type"),
        ("Transfer-Encoding: hunter2", "must not set Transfer-Encoding"),
        ("TE: hunter2", "must not set TE"),
    ],
)
def test_another_header_is_refused_and_its_value_never_repeated(
    load: Load, header: str, words: str
) -> None:
    (line,) = load.lines(NOTIFY_URL=URL, NOTIFY_SECRETS=KEY, NOTIFY_AUTH_HEADER=header)

    assert line.startswith("NOTIFY_AUTH_HEADER is wrong: ")
    assert words in line
    assert "nter2" not in line


@pytest.mark.parametrize(
    ("changes", "logged"),
    [
        ({}, set()),
        ({"notify_url": URL, "notify_secrets": [KEY]}, {"STRIPE_LIVEMODE"}),
        ({"notify_url": URL, "notify_secrets": [KEY], "stripe_livemode": True}, set()),
        (
            {
                "notify_url": URL,
                "notify_secrets": [KEY],
                "stripe_webhook_secrets": [SECRET, KEY],
                "stripe_livemode": False,
            },
            {"NOTIFY_SECRETS"},
        ),
    ],
)
def test_the_start_warns_of_what_the_receiver_would_be_told(
    tmp_path: Path, changes: Document, logged: set[str]
) -> None:
    found = doubts(settings(tmp_path, **changes))

    assert {each.name for each in found if each.is_logged_at_start} == logged
    assert KEY not in str(found)


def test_a_receiver_of_an_example_is_doubted(tmp_path: Path) -> None:
    found = doubts(settings(tmp_path, notify_url="https://shop.example/hook", notify_secrets=[KEY]))

    assert "NOTIFY_URL" in {each.name for each in found}
