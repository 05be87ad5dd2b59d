"""An error names the setting and what to do, and never shows a secret's value."""

import re

import pytest

from app.settings.settings import Settings, SettingsError
from tests.support.settings_loading import Load

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
def test_no_setting_is_answered_with_pydantics_message(load: Load, value: str) -> None:
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
        ("STRIPE_API_KEY", "sk_live_1", "is a secret key (sk_…)"),
        ("STRIPE_API_KEY", "whsec_1", "is not a restricted key"),
        ("RECONCILE_EVERY_S", "never", "must be whole seconds from 1 to 86400, or off"),
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
        ("ALLOWED_ORIGINS", '["https://a.test", null]', "JSON array of strings"),
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
def test_the_value_of_a_secret_is_never_shown(load: Load, name: str, value: str) -> None:
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
