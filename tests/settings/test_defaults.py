"""The defaults of settings that are not set."""

import pytest

from app.settings.types import LogFormat, LogLevel
from tests.support.settings_loading import GOOD, Load, dotenv, shown


def test_four_settings_are_enough_and_the_rest_is_as_the_contract_says(load: Load) -> None:
    settings = load()

    assert settings.altan_account_id == GOOD["ALTAN_ACCOUNT_ID"]
    assert settings.altan_stripe_connect_id == "acct_1ABC"
    assert shown(settings.stripe_webhook_secrets) == ["whsec_of_the_environment"]
    assert settings.app_url == "https://shop.example"
    assert settings.altan_pay_url == "https://pay.altan.ai"
    assert settings.altan_pay_timeout_s == 10
    assert settings.checkout_url_hosts == ("checkout.stripe.com",)
    assert settings.stripe_webhook_tolerance_s == 300
    assert settings.stripe_livemode is None
    assert settings.stripe_api_key is None
    assert settings.stripe_api_account_header is False
    assert settings.stripe_api_url == "https://api.stripe.com"
    assert settings.reconcile_every_s == 300
    assert settings.success_url is None
    assert settings.cancel_url is None
    assert settings.shop_name is None
    assert settings.brand_color == "#3366d6"
    assert settings.allowed_origins is None
    assert settings.max_quantity == 999
    assert settings.database_name == "sqlite:///data/checkout.db"
    assert settings.database_pool_size == 5
    assert settings.notify_url is None
    assert settings.notify_host is None
    assert settings.notify_secrets == ()
    assert settings.notify_auth_header is None
    assert settings.notify_auth_header_name is None
    assert not settings.notify_foreign
    assert settings.orders_table_url is None
    assert settings.orders_table_host is None
    assert settings.orders_table_key is None
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.log_level is LogLevel.INFO
    assert settings.log_format is LogFormat.JSON
    assert not settings.is_sandbox


def test_the_shops_own_origin_is_allowed_where_none_is_listed(load: Load) -> None:
    settings = load(APP_URL="HTTPS://Shop.Example:443/de/?x#y")

    assert settings.shop_origins == frozenset({"https://shop.example"})


def test_what_is_listed_takes_the_place_of_the_shops_own_origin(load: Load) -> None:
    settings = load(ALLOWED_ORIGINS="https://www.shop.example")

    assert settings.shop_origins == frozenset({"https://www.shop.example"})


SANDBOX = {
    "ALTAN_PAY_URL": "http://127.0.0.1:9000",
    "STRIPE_WEBHOOK_SECRETS": "whsec_sandbox_0123456789abcdef",
    "ALLOWED_ORIGINS": "https://shop.example,any-loopback",
}


def test_beside_the_sandbox_any_page_of_this_machine_can_be_allowed(load: Load) -> None:
    settings = load(**SANDBOX)

    assert "http://localhost:5173" in settings.shop_origins
    assert list(settings.shop_origins) == ["https://shop.example"]


@pytest.mark.parametrize(
    "real",
    [
        {"STRIPE_WEBHOOK_SECRETS": "whsec_of_the_environment"},
        {"STRIPE_WEBHOOK_SECRETS": "whsec_sandbox_0123456789abcdef,whsec_of_the_environment"},
        {
            "ALTAN_PAY_URL": "https://pay.altan.ai",
            "STRIPE_WEBHOOK_SECRETS": "whsec_of_the_environment",
        },
    ],
)
def test_where_a_real_secret_is_known_pages_of_this_machine_are_not_allowed(
    load: Load, real: dict[str, str]
) -> None:
    (line,) = load.lines(**{**SANDBOX, **real})

    assert line.startswith("ALLOWED_ORIGINS is wrong: any-loopback works only in the demo")
    assert "whsec" not in line


@pytest.mark.parametrize(
    ("name", "shown"), [(None, "shop.example"), ("The Pottery", "The Pottery")]
)
def test_a_shop_without_a_name_is_called_by_its_host(
    load: Load, name: str | None, shown: str
) -> None:
    assert load(APP_URL="https://Shop.Example:8443/de", SHOP_NAME=name).shop_name_shown == shown


def test_a_color_in_the_env_file_is_no_comment(load: Load) -> None:
    dotenv(BRAND_COLOR="#a1b2c3")

    assert load().brand_color == "#a1b2c3"
