import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from pydantic import SecretStr

from app.settings.settings import Settings, SettingsError, load_settings
from app.settings.types import LogFormat, LogLevel

GOOD: Mapping[str, str] = {
    "ALTAN_ACCOUNT_ID": "4f6c1c1e-0000-4000-8000-000000000000",
    "ALTAN_STRIPE_CONNECT_ID": "acct_1ABC",
    "STRIPE_WEBHOOK_SECRETS": "whsec_of_the_environment",
    "APP_URL": "https://shop.example",
}
ASK_ALTAN_PAY = (
    "ask Altan Pay for your Stripe Connect id in your Altan workspace, and set it here (acct_…)"
)


@pytest.fixture(autouse=True)
def _a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def secrets_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "run-secrets"
    folder.mkdir()
    return folder


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch, secrets_dir: Path) -> "Load":
    return Load(monkeypatch, secrets_dir)


class Load:
    """Loads the settings from good ones and what a test changes; None takes one away."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, secrets_dir: Path) -> None:
        self._monkeypatch = monkeypatch
        self._secrets_dir = secrets_dir

    def __call__(self, **changes: str | None) -> Settings:
        for name, value in {**GOOD, **changes}.items():
            if value is not None:
                self._monkeypatch.setenv(name, value)
        return load_settings(secrets_dir=self._secrets_dir)

    def lines(self, **changes: str | None) -> Sequence[str]:
        with pytest.raises(SettingsError) as caught:
            self(**changes)
        assert str(caught.value) == "\n".join(caught.value.lines)
        return caught.value.lines


def shown(secrets: Sequence[SecretStr]) -> list[str]:
    return [secret.get_secret_value() for secret in secrets]


def dotenv(**values: str) -> None:
    Path(".env").write_text("".join(f"{name}={value}\n" for name, value in values.items()))


# What is not said


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
    assert settings.success_url is None
    assert settings.cancel_url is None
    assert settings.shop_name is None
    assert settings.brand_color == "#3366d6"
    assert settings.allowed_origins is None
    assert settings.max_quantity == 999
    assert settings.database_name == "sqlite:///data/checkout.db"
    assert settings.database_pool_size == 5
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

    assert line.startswith("ALLOWED_ORIGINS is wrong: any-loopback works in the demo alone")
    assert "whsec" not in line


@pytest.mark.parametrize(
    ("name", "shown"), [(None, "shop.example"), ("The Pottery", "The Pottery")]
)
def test_a_shop_without_a_name_is_called_by_its_host(
    load: Load, name: str | None, shown: str
) -> None:
    assert load(APP_URL="https://Shop.Example:8443/de", SHOP_NAME=name).shop_name_shown == shown


def test_a_colour_in_the_env_file_is_no_comment(load: Load) -> None:
    dotenv(BRAND_COLOR="#a1b2c3")

    assert load().brand_color == "#a1b2c3"


# What can be said


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


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("https://a.example", ("https://a.example",)),
        ("https://a.example,https://b.example", ("https://a.example", "https://b.example")),
        (" https://a.example , https://b.example ,", ("https://a.example", "https://b.example")),
        ('["https://a.example", "https://b.example"]', ("https://a.example", "https://b.example")),
        (' ["https://a.example"] ', ("https://a.example",)),
        (
            "HTTPS://A.example:443/,http://B.example:8080",
            ("https://a.example", "http://b.example:8080"),
        ),
    ],
)
def test_origins_are_listed_with_commas_or_as_a_json_array(
    load: Load, text: str, values: tuple[str, ...]
) -> None:
    settings = load(ALLOWED_ORIGINS=text)

    assert settings.allowed_origins == values


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("checkout.stripe.com,pay.shop.example", ("checkout.stripe.com", "pay.shop.example")),
        ('["Checkout.Stripe.com"]', ("checkout.stripe.com",)),
        ("localhost:8001,[::1]:8001", ("localhost:8001", "[::1]:8001")),
        ("pay.shop.example:443", ("pay.shop.example",)),
    ],
)
def test_hosts_are_listed_with_commas_or_as_a_json_array(
    load: Load, text: str, values: tuple[str, ...]
) -> None:
    settings = load(CHECKOUT_URL_HOSTS=text)

    assert settings.checkout_url_hosts == values


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


# Where it is said


def test_the_environment_wins_over_dotenv_and_that_over_the_secrets_files(
    load: Load, secrets_dir: Path
) -> None:
    dotenv(MAX_QUANTITY="20", PORT="2000", SUCCESS_URL="https://dotenv.example")
    for name, value in (
        ("MAX_QUANTITY", "30"),
        ("PORT", "3000"),
        ("STRIPE_WEBHOOK_TOLERANCE_S", "33"),
    ):
        (secrets_dir / name).write_text(value)

    settings = load(MAX_QUANTITY="10")

    assert settings.max_quantity == 10
    assert settings.port == 2000
    assert settings.success_url == "https://dotenv.example"
    assert settings.stripe_webhook_tolerance_s == 33


def test_everything_can_come_from_dotenv(load: Load) -> None:
    dotenv(**GOOD)

    settings = load(**dict.fromkeys(GOOD))

    assert shown(settings.stripe_webhook_secrets) == ["whsec_of_the_environment"]


def test_everything_can_come_from_files(load: Load, secrets_dir: Path) -> None:
    for name, value in GOOD.items():
        (secrets_dir / name).write_text(f"{value}\n")

    settings = load(**dict.fromkeys(GOOD))

    assert settings.altan_stripe_connect_id == "acct_1ABC"
    assert shown(settings.stripe_webhook_secrets) == ["whsec_of_the_environment"]


def test_a_secrets_file_may_have_a_lower_case_name(load: Load, secrets_dir: Path) -> None:
    (secrets_dir / "stripe_webhook_secrets").write_text("whsec_of_a_file")

    settings = load(STRIPE_WEBHOOK_SECRETS=None)

    assert shown(settings.stripe_webhook_secrets) == ["whsec_of_a_file"]


@pytest.mark.parametrize(
    ("near", "far"),
    [
        ("STRIPE_WEBHOOK_SECRET", "STRIPE_WEBHOOK_SECRETS"),
        ("STRIPE_WEBHOOK_SECRETS", "STRIPE_WEBHOOK_SECRET"),
    ],
)
def test_the_environment_wins_by_whichever_of_the_two_names(
    load: Load, secrets_dir: Path, near: str, far: str
) -> None:
    dotenv(**{far: "whsec_of_dotenv"})
    (secrets_dir / far).write_text("whsec_of_a_file")

    settings = load(**{"STRIPE_WEBHOOK_SECRETS": None, near: "whsec_from_near_by"})

    assert shown(settings.stripe_webhook_secrets) == ["whsec_from_near_by"]


@pytest.mark.parametrize(
    ("name", "default"), [("MAX_QUANTITY", 999), ("ALLOWED_ORIGINS", None), ("SUCCESS_URL", None)]
)
def test_an_empty_secrets_file_is_not_set(
    load: Load, secrets_dir: Path, name: str, default: object
) -> None:
    (secrets_dir / name).write_text("\n")

    settings = load()

    assert getattr(settings, name.lower()) == default


def test_a_folder_of_secrets_that_does_not_exist_is_no_fault(load: Load, secrets_dir: Path) -> None:
    secrets_dir.rmdir()

    assert load().port == 8000


def test_what_else_stands_in_dotenv_does_not_stop_the_start(load: Load) -> None:
    dotenv(SOMETHING_ELSE="1", ALTAN_TYPO="2")

    assert load().port == 8000


# What is wrong


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


def test_all_that_is_missing_is_told_at_once(load: Load) -> None:
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


LISTS = ["ALLOWED_ORIGINS", "CHECKOUT_URL_HOSTS", "STRIPE_WEBHOOK_SECRETS", "TRUSTED_PROXIES"]


@pytest.mark.parametrize("where", ["environment", "dotenv", "secrets"])
@pytest.mark.parametrize("value", [",", " , ,", "[]", "[ ]", "null", "  ", '[""]', '[" "]'])
@pytest.mark.parametrize("name", LISTS)
def test_a_list_that_is_set_but_names_nothing_is_refused(
    load: Load, secrets_dir: Path, name: str, value: str, where: str
) -> None:
    changes: dict[str, str | None] = {name: value if where == "environment" else None}
    if where == "dotenv":
        Path(".env").write_text(f"{name}='{value}'\n")
    if where == "secrets":
        if not value.strip():
            pytest.skip("a file of spaces is an empty file: not set")
        (secrets_dir / name).write_text(value)

    (line,) = load.lines(**changes)

    assert line == f"{name} is wrong: is set, but names nothing; fill it in, or remove it"


def test_a_list_left_empty_as_compose_writes_it_is_not_set(load: Load, secrets_dir: Path) -> None:
    (secrets_dir / "STRIPE_WEBHOOK_SECRETS").write_text("whsec_of_a_file")

    settings = load(**dict.fromkeys(LISTS, ""))

    assert settings.allowed_origins is None
    assert settings.checkout_url_hosts == ("checkout.stripe.com",)
    assert settings.trusted_proxies == ()
    assert shown(settings.stripe_webhook_secrets) == ["whsec_of_a_file"]


STRANGE = [
    "null",
    "[]",
    "{}",
    "[1]",
    "[null]",
    '[["a"]]',
    "x",
    "-1",
    "1e999",
    "nan",
    " ",
    "\x1b[1m",
]


@pytest.mark.parametrize("value", [*STRANGE, "[" * 10_000, "9" * 5_000, "true"])
def test_no_value_of_any_setting_is_answered_in_pydantics_words(load: Load, value: str) -> None:
    try:
        load(**dict.fromkeys((name.upper() for name in Settings.model_fields), value))
    except SettingsError as error:
        lines = error.lines
    else:
        lines = []

    assert len(lines) > 10
    for line in lines:
        assert re.fullmatch(r"[A-Z_]+ is wrong: [^\n\x1b]+", line)
        assert not re.search(r"(?i)input|value.error|pydantic|parsing|unable|type=|valid_", line)
        assert len(line) < 400


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("STRIPE_LIVEMODE", "maybe", "must be true or false"),
        ("MAX_QUANTITY", "many", "must be a whole number from 1 to 999999"),
        ("ALTAN_PAY_TIMEOUT_S", "0", "must be a number above 0, and 60 at most"),
        ("LOG_LEVEL", "loud", "must be debug, info, warning or error"),
        ("TRUSTED_PROXIES", "proxy.internal", "no host names"),
        ("TRUSTED_PROXIES", "10.0.0.1/8", "did you mean 10.0.0.0/8?"),
        ("ALTAN_ACCOUNT_ID", "acct_1ABC", "belongs in ALTAN_STRIPE_CONNECT_ID"),
        (
            "ALTAN_STRIPE_CONNECT_ID",
            "4f6c1c1e-0000-4000-8000-000000000000",
            "is the form of ALTAN_ACCOUNT_ID: are the two swapped?",
        ),
        ("ALLOWED_ORIGINS", '["https://a.test", null]', "texts in quotes"),
    ],
)
def test_a_wrong_setting_says_what_a_right_one_is(
    load: Load, name: str, value: str, words: str
) -> None:
    (line,) = load.lines(**{name: value})

    assert words in line


@pytest.mark.parametrize("password", ["hunter@2", "hunter/2", "hunter#2", "hunter%2", "1/2", "1#2"])
@pytest.mark.parametrize("scheme", ["postgresql", "postgres"])
def test_a_password_with_special_characters_is_to_be_percent_encoded(
    load: Load, scheme: str, password: str
) -> None:
    (line,) = load.lines(DATABASE_URL=f"{scheme}://shop:{password}@db/checkout")

    assert "percent-encode" in line
    assert password not in line
    assert "hunter" not in line


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STRIPE_WEBHOOK_SECRETS", "hunter2hunter2"),
        ("STRIPE_WEBHOOK_SECRETS", "whsec_hunt"),
        ("STRIPE_WEBHOOK_SECRETS", "whsec_hunter2 with spaces"),
        ("STRIPE_WEBHOOK_SECRETS", "whsec_hunter2\N{LATIN SMALL LETTER U WITH DIAERESIS}hunter2"),
        ("STRIPE_WEBHOOK_SECRETS", '["hunter2hunter2"'),
        ("STRIPE_WEBHOOK_SECRETS", '[["hunter2hunter2"]]'),
        ("STRIPE_WEBHOOK_SECRETS", '[{"hunter2": "hunter2"}]'),
        ("STRIPE_WEBHOOK_SECRETS", '{"hunter2": "hunter2"}'),
        ("STRIPE_WEBHOOK_SECRETS", "whsec_fine_and_good,hunter2hunter2"),
        ("STRIPE_WEBHOOK_SECRET", "hunter2hunter2"),
        ("DATABASE_URL", "postgresql://shop:hunter2@db"),
        ("DATABASE_URL", "postgresql://shop:hunter2@db/checkout?password=hunter3"),
        ("DATABASE_URL", "postgresql://shop:hunter2@db/checkout?hunter2=hunter3"),
        ("DATABASE_URL", "postgresql://shop:x#hunter2@db/checkout"),
        ("DATABASE_URL", "postgresql://shop:x/hunter2@db/checkout"),
        ("DATABASE_URL", "postgresql://shop:x:hunter2@db:hunter2/checkout"),
        ("DATABASE_URL", "postgres://shop:[hunter2@db/checkout"),
        ("DATABASE_URL", "mysql://shop:hunter2@db/checkout"),
    ],
)
def test_the_value_of_a_secret_is_never_told(load: Load, name: str, value: str) -> None:
    changes = {"STRIPE_WEBHOOK_SECRETS": None, name: value} if "WEBHOOK" in name else {name: value}

    lines = load.lines(**changes)

    assert len(lines) == 1
    assert lines[0].startswith(f"{name.replace('SECRET', 'SECRETS').replace('SS', 'S')} is wrong: ")
    assert "hunt" not in lines[0]


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("sqlite:///data/checkout.db", "sqlite:///data/checkout.db"),
        ("postgresql://shop:hunter2@db:5432/checkout", "postgresql://shop@db:5432/checkout"),
        ("postgres://shop:hunter%402@db/checkout?sslmode=require", "postgresql://shop@db/checkout"),
        ("postgresql://db/checkout", "postgresql://db/checkout"),
        ("postgresql://shop:hunter2@a:1,b:2/checkout", "postgresql://shop@a:1,b:2/checkout"),
        ("postgresql://shop:hunter2@[::1]:5432/checkout", "postgresql://shop@[::1]:5432/checkout"),
        ("postgresql:///checkout?host=/run/postgresql", "postgresql:///run/postgresql/checkout"),
    ],
)
def test_a_database_is_called_by_its_address_without_the_password(
    load: Load, url: str, name: str
) -> None:
    settings = load(DATABASE_URL=url)

    assert settings.database_name == name
    assert settings.postgres_url == (None if url.startswith("sqlite") else url)
    assert "hunter" not in repr(settings)


def test_a_parameter_that_the_driver_does_not_know_is_named(load: Load) -> None:
    (line,) = load.lines(
        DATABASE_URL="postgresql://u:p@db/x?sslmode=require&channel_binding=require"
    )

    assert "channel_binding" in line
    assert "sslrootcert" in line


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STRIPE_WEBHOOK_SECRETS", "hunter2hunter2,hunter3hunter3"),
        ("ALLOWED_ORIGINS", "shop,https://shop.example/x"),
        ("CHECKOUT_URL_HOSTS", "a/b,c/d,e f"),
    ],
)
def test_a_list_with_several_faults_is_still_one_line(load: Load, name: str, value: str) -> None:
    lines = load.lines(**{name: value})

    assert len(lines) == 1


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


# At the start of the process

COMMANDS = {
    "python -m app": [sys.executable, "-m", "app", "serve"],
    "altan-checkout": [str(Path(sys.executable).with_name("altan-checkout")), "serve"],
    "uvicorn": [sys.executable, "-m", "uvicorn", "app.main:app"],
    "migrate": [sys.executable, "-m", "app", "migrate"],
}


def start(command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run to its end in an empty folder, with nothing set but what is given."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in {"PATH", "HOME", "SYSTEMROOT", "LANG"} or name.startswith("COVERAGE")
    }
    return subprocess.run(  # noqa: S603 our own command
        COMMANDS[command],
        env={**kept, "PYTHONPATH": str(Path(__file__).parents[2]), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_missing_settings_stop_the_start_with_a_line_each_and_no_traceback(command: str) -> None:
    ended = start(command)

    assert ended.returncode == 2
    assert [line.partition(" is missing: ")[0] for line in ended.stderr.splitlines()] == list(GOOD)
    assert ASK_ALTAN_PAY in ended.stderr
    assert ended.stdout == ""


def test_what_is_wrong_anywhere_stops_the_start_and_no_secret_is_shown() -> None:
    dotenv(**{**GOOD, "ALTAN_STRIPE_CONNECT_ID": "{stripe_connect_id}"})

    ended = start("python -m app", STRIPE_WEBHOOK_SECRETS="hunter2hunter2")

    assert ended.returncode == 2
    names = [line.partition(" is wrong: ")[0] for line in ended.stderr.splitlines()]
    assert names == ["ALTAN_STRIPE_CONNECT_ID", "STRIPE_WEBHOOK_SECRETS"]
    assert "hunter2" not in ended.stderr + ended.stdout


def test_a_database_that_cannot_be_opened_stops_the_start_without_a_traceback() -> None:
    Path("data").write_text("a file where the folder should be")

    ended = start("python -m app", **GOOD)

    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1
    assert ended.stderr.startswith("altan-checkout cannot start: ")


def test_the_command_is_installed() -> None:
    assert shutil.which("altan-checkout", path=str(Path(sys.executable).parent))


def test_lists_as_json_are_what_a_json_writer_writes(load: Load) -> None:
    origins = ["https://a.example", "https://b.example"]

    settings = load(ALLOWED_ORIGINS=json.dumps(origins, indent=1))

    assert settings.shop_origins == frozenset(origins)
