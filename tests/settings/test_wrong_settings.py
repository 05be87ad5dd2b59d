"""Settings that are missing, wrong or unreadable stop the start."""

import re
from pathlib import Path

import pytest

from tests.support.settings_loading import ASK_ALTAN_PAY, GOOD, Load


@pytest.mark.parametrize(
    ("name", "help_"),
    [
        ("ALTAN_ACCOUNT_ID", "from your Altan workspace"),
        ("ALTAN_STRIPE_CONNECT_ID", ASK_ALTAN_PAY),
        ("STRIPE_WEBHOOK_SECRETS", "whsec_…"),
        ("APP_URL", "for example https://shop.example"),
    ],
)
@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_setting_is_named_with_what_to_do(
    load: Load, name: str, help_: str, value: str | None
) -> None:
    (line,) = load.lines(**{name: value})

    assert line.startswith(f"{name} is missing: ")
    assert help_ in line


def test_all_missing_settings_are_reported_together(load: Load) -> None:
    lines = load.lines(**dict.fromkeys(GOOD))

    assert [line.partition(" ")[0] for line in lines] == list(GOOD)


def test_a_missing_connect_id_says_where_to_ask_for_it(load: Load) -> None:
    (line,) = load.lines(ALTAN_STRIPE_CONNECT_ID=None)

    assert line == f"ALTAN_STRIPE_CONNECT_ID is missing: {ASK_ALTAN_PAY}"


@pytest.mark.parametrize(
    "value", ["acct_", "1ABC", "ACCT_1", "acct_1 ", " acct_1", "acct_1/..", "acct_é", "acct_1?x=1"]
)
def test_a_malformed_connect_id_says_where_to_ask_for_it(load: Load, value: str) -> None:
    (line,) = load.lines(ALTAN_STRIPE_CONNECT_ID=value)

    assert line == f"ALTAN_STRIPE_CONNECT_ID is wrong: is not of the form acct_…; {ASK_ALTAN_PAY}"


@pytest.mark.parametrize("name", ["ALTAN_ACCOUNT_ID", "ALTAN_STRIPE_CONNECT_ID"])
@pytest.mark.parametrize(
    "value", ["{account_id}", "{stripe_connect_id}", "acct_{stripe_connect_id}", "{}"]
)
def test_the_documents_placeholders_are_refused(load: Load, name: str, value: str) -> None:
    (line,) = load.lines(**{name: value})

    assert line.startswith(f"{name} is wrong: ")
    assert (
        "Replace {account_id} and {stripe_connect_id} with the real values before calling" in line
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALTAN_ACCOUNT_ID", "."),
        ("ALTAN_ACCOUNT_ID", ".."),
        ("ALTAN_ACCOUNT_ID", "a b"),
        ("ALTAN_ACCOUNT_ID", "ü"),
        ("ALTAN_ACCOUNT_ID", "a" * 129),
        ("ALTAN_PAY_URL", "http://pay.altan.ai"),
        ("ALTAN_PAY_URL", "pay.altan.ai"),
        ("ALTAN_PAY_URL", "https://user@pay.altan.ai"),
        ("ALTAN_PAY_URL", "https://pay.altan.ai/?x=1"),
        ("ALTAN_PAY_URL", "https://pay.altan.ai/#x"),
        ("ALTAN_PAY_URL", "http://127.0.0.1.evil.example"),
        ("ALTAN_PAY_TIMEOUT_S", "0"),
        ("ALTAN_PAY_TIMEOUT_S", "-1"),
        ("ALTAN_PAY_TIMEOUT_S", "61"),
        ("ALTAN_PAY_TIMEOUT_S", "nan"),
        ("ALTAN_PAY_TIMEOUT_S", "inf"),
        ("ALTAN_PAY_TIMEOUT_S", "ten"),
        ("CHECKOUT_URL_HOSTS", "https://checkout.stripe.com"),
        ("CHECKOUT_URL_HOSTS", "checkout.stripe.com/pay"),
        ("CHECKOUT_URL_HOSTS", "checkout.stripe.com:99999"),
        ("CHECKOUT_URL_HOSTS", "*.stripe.com"),
        ("CHECKOUT_URL_HOSTS", "[1]"),
        ("CHECKOUT_URL_HOSTS", "["),
        ("CHECKOUT_URL_HOSTS", ","),
        ("STRIPE_WEBHOOK_TOLERANCE_S", "0"),
        ("STRIPE_WEBHOOK_TOLERANCE_S", "1.5"),
        ("STRIPE_WEBHOOK_TOLERANCE_S", "86401"),
        ("STRIPE_LIVEMODE", "maybe"),
        ("STRIPE_API_KEY", "sk_live_1"),
        ("STRIPE_API_KEY", "pk_live_1"),
        ("STRIPE_API_KEY", "rk_live_"),
        ("STRIPE_API_KEY", "rk_live_a b"),
        ("STRIPE_API_URL", "http://api.stripe.com"),
        ("STRIPE_API_URL", "https://api.stripe.com/?x=1"),
        ("RECONCILE_EVERY_S", "0"),
        ("RECONCILE_EVERY_S", "86401"),
        ("RECONCILE_EVERY_S", "1.5"),
        ("RECONCILE_EVERY_S", "never"),
        ("APP_URL", "shop.example"),
        ("APP_URL", "/shop"),
        ("APP_URL", "http\N{LATIN SMALL LETTER LONG S}://shop.example"),
        ("SUCCESS_URL", "https://shop.example/a b"),
        ("SUCCESS_URL", "javascript:alert(1)"),
        ("CANCEL_URL", "https://user:pw@shop.example"),
        ("SHOP_NAME", " "),
        ("SHOP_NAME", "x" * 81),
        ("SHOP_NAME", "two\nlines"),
        ("BRAND_COLOR", "blue"),
        ("BRAND_COLOR", "#fff"),
        ("BRAND_COLOR", "3366d6"),
        ("BRAND_COLOR", "#3366d6; }"),
        ("ALLOWED_ORIGINS", "*"),
        ("ALLOWED_ORIGINS", "shop.example"),
        ("ALLOWED_ORIGINS", "https://shop.example/path"),
        ("ALLOWED_ORIGINS", '["https://shop.example"'),
        ("MAX_QUANTITY", "0"),
        ("MAX_QUANTITY", "1000000"),
        ("MAX_QUANTITY", "1.5"),
        ("DATABASE_URL", "mysql://user:pw@db/x"),
        ("DATABASE_URL", "postgresql://"),
        ("DATABASE_URL", "postgresql://user:pw@db"),
        ("DATABASE_URL", "postgresql://user:pw@db/"),
        ("DATABASE_URL", "postgresql://user:pw@db/a/b"),
        ("DATABASE_URL", "postgresql:///checkout"),
        ("DATABASE_URL", "postgresql://user:pw@db:port/checkout"),
        ("DATABASE_URL", "postgresql://user:pw@db:99999/checkout"),
        ("DATABASE_URL", "postgresql://user:p/w@db/checkout"),
        ("DATABASE_URL", "postgresql://user:p#w@db/checkout"),
        ("DATABASE_URL", "postgresql://user:pw@db/checkout#here"),
        ("DATABASE_URL", "postgresql://user:pw@db/checkout?sslmode"),
        ("DATABASE_URL", "postgresql://user:pw@db/checkout?sslmode=maybe"),
        ("DATABASE_URL", "postgresql://user:pw@db/checkout?channel_binding=require"),
        ("DATABASE_URL", "postgresql+asyncpg://user:pw@db/checkout"),
        ("DATABASE_POOL_SIZE", "1"),
        ("DATABASE_URL", "sqlite://"),
        ("DATABASE_URL", "sqlite:///"),
        ("DATABASE_URL", "sqlite:///a.db?mode=memory"),
        ("PORT", "-1"),
        ("PORT", "65536"),
        ("PORT", "http"),
        ("LOG_LEVEL", "loud"),
        ("LOG_FORMAT", "xml"),
    ],
)
def test_a_wrong_setting_is_one_line_with_its_name(load: Load, name: str, value: str) -> None:
    (line,) = load.lines(**{name: value})

    assert re.match(rf"{name} is wrong: \S", line)
    assert "\n" not in line
    assert "Value error" not in line


def test_the_sandboxs_published_secret_is_refused_where_altan_pay_is_real(load: Load) -> None:
    (line,) = load.lines(STRIPE_WEBHOOK_SECRETS="whsec_sandbox_anything,whsec_one_of_ours")
    settings = load(
        STRIPE_WEBHOOK_SECRETS="whsec_sandbox_anything", ALTAN_PAY_URL="http://127.0.0.1:8001"
    )

    assert line.startswith("STRIPE_WEBHOOK_SECRETS is wrong: ")
    assert "ALTAN_PAY_URL" in line
    assert settings.is_sandbox


@pytest.mark.parametrize("where", [".env", "run-secrets/APP_URL"])
def test_a_file_that_is_not_text_is_one_line_and_no_traceback(load: Load, where: str) -> None:
    Path(where).write_bytes(b"APP_URL=\xff\xfe\n")

    lines = load.lines(APP_URL=None)

    assert len(lines) == 1
