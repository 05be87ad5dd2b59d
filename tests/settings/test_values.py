"""The valid forms of each setting."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from app.settings.types import LogFormat, LogLevel
from tests.support.settings_loading import Load, shown


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("ALTAN_ACCOUNT_ID", "an/oddid", "an/oddid"),
        ("ALTAN_PAY_URL", "https://pay.example/base/", "https://pay.example/base/"),
        ("ALTAN_PAY_URL", "http://127.0.0.1:9", "http://127.0.0.1:9"),
        ("ALTAN_PAY_URL", "http://localhost:9", "http://localhost:9"),
        ("ALTAN_PAY_URL", "http://[::1]:9", "http://[::1]:9"),
        ("ALTAN_PAY_TIMEOUT_S", "2.5", 2.5),
        ("STRIPE_WEBHOOK_TOLERANCE_S", "60", 60),
        ("STRIPE_LIVEMODE", "true", True),
        ("STRIPE_LIVEMODE", "false", False),
        ("STRIPE_API_KEY", "rk_test_1A_b2", SecretStr("rk_test_1A_b2")),
        ("STRIPE_API_ACCOUNT_HEADER", "true", True),
        ("STRIPE_API_URL", "http://127.0.0.1:9", "http://127.0.0.1:9"),
        ("RECONCILE_EVERY_S", "1", 1),
        ("RECONCILE_EVERY_S", "86400", 86_400),
        ("RECONCILE_EVERY_S", "off", None),
        ("SUCCESS_URL", "https://shop.example/ok?a={b}", "https://shop.example/ok?a={b}"),
        ("CANCEL_URL", "https://shop.example", "https://shop.example"),
        ("SHOP_NAME", " Die Töpferei ", "Die Töpferei"),
        ("SHOP_NAME", "x" * 80, "x" * 80),
        ("BRAND_COLOR", "#A1b2C3", "#a1b2c3"),
        ("MAX_QUANTITY", "5", 5),
        ("DATABASE_URL", "sqlite:////data/a.db", SecretStr("sqlite:////data/a.db")),
        ("DATABASE_POOL_SIZE", "20", 20),
        ("HOST", "0.0.0.0", "0.0.0.0"),  # noqa: S104 read, not bound
        ("PORT", "8080", 8080),
        ("LOG_LEVEL", "warning", LogLevel.WARNING),
        ("LOG_FORMAT", "console", LogFormat.CONSOLE),
    ],
)
def test_a_setting_is_read_from_the_environment(
    load: Load, name: str, text: str, value: object
) -> None:
    settings = load(**{name: text})

    assert getattr(settings, name.lower()) == value


@pytest.mark.parametrize("name", ["STRIPE_WEBHOOK_SECRETS", "STRIPE_WEBHOOK_SECRET"])
@pytest.mark.parametrize(
    "text",
    ["whsec_number_one,whsec_number_two", '["whsec_number_one", "whsec_number_two"]'],
)
def test_webhook_secrets_are_read_by_both_names_and_in_both_ways(
    load: Load, name: str, text: str
) -> None:
    settings = load(**{"STRIPE_WEBHOOK_SECRETS": None, name: text})

    assert shown(settings.stripe_webhook_secrets) == ["whsec_number_one", "whsec_number_two"]


def test_a_setting_left_empty_is_not_set(load: Load, secrets_dir: Path) -> None:
    (secrets_dir / "APP_URL").write_text("https://file.example")

    settings = load(APP_URL="", MAX_QUANTITY="", ALLOWED_ORIGINS="", STRIPE_LIVEMODE="")

    assert settings.app_url == "https://file.example"
    assert settings.max_quantity == 999
    assert settings.allowed_origins is None
    assert settings.stripe_livemode is None


def test_no_secret_shows_in_what_the_settings_print(load: Load) -> None:
    settings = load(STRIPE_API_KEY="rk_live_private")

    assert "whsec_of_the_environment" not in f"{settings!r} {settings}"
    assert "rk_live_private" not in f"{settings!r} {settings}"
