from pathlib import Path

import pytest

from app.settings.names import COMPANIONS
from app.settings.settings import SETTING_NAMES, SettingsError, load_settings, odd_names
from tests.commands.test_cli import GOOD, prepared
from tests.docs.test_tables import compose_variables

MISSPELT = {
    "ALLOWED_ORIGIN": "ALLOWED_ORIGINS",
    "ALOWED_ORIGINS": "ALLOWED_ORIGINS",
    "ALLOWED-ORIGINS": "ALLOWED_ORIGINS",
    "SUCESS_URL": "SUCCESS_URL",
    "SUCCESS_URI": "SUCCESS_URL",
    "STRIPE_LIVE_MODE": "STRIPE_LIVEMODE",
    "STRIPE_WEBHOOK_SIGNING_SECRET": "STRIPE_WEBHOOK_SECRET",
    "STRIPE_WEBHOOKS_SECRET": "STRIPE_WEBHOOK_SECRET",
    "APP_ULR": "APP_URL",
    "APPURL": "APP_URL",
    "LOGLEVEL": "LOG_LEVEL",
    "TRUSTED_PROXY": "TRUSTED_PROXIES",
    "RATE_LIMIT_CHECKOUTS": "RATE_LIMIT_CHECKOUT",
    "DATABASE_URI": "DATABASE_URL",
    "ALTAN_ACOUNT_ID": "ALTAN_ACCOUNT_ID",
    "ALTAN_CONNECT_ID": "ALTAN_STRIPE_CONNECT_ID",
    "ALERT_WEBHOOK": "ALERT_WEBHOOK_URL",
    "allowed_origin": "ALLOWED_ORIGINS",
}
FOREIGN = [
    "PATH",
    "HOME",
    "HOSTNAME",
    "HOSTS",
    "API_URL",
    "REDIS_URL",
    "CHANNEL_URL",
    "STRIPE_CLI_TELEMETRY_OPTOUT",
    "STRIPE_DEVICE_NAME",
    "NOTIFY_SOCKET",
    "CHECKOUT_SERVICE_HOST",
    "ALTAN_CHECKOUT_PORT_8000_TCP_ADDR",
    "ALTAN_CHECKOUT_SERVICE_PORT_HTTP",
    "SENTRY_ENVIRONMENT",
    "LOG_LEVEL_ROOT",
    "GITHUB_ACTIONS",
]


@pytest.fixture(autouse=True)
def secrets_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "secrets"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("place", ["environment", "dotenv", "secrets"])
@pytest.mark.parametrize("name", MISSPELT)
def test_a_misspelled_name_is_reported_with_the_intended_one(
    secrets_dir: Path, monkeypatch: pytest.MonkeyPatch, place: str, name: str
) -> None:
    match place:
        case "environment":
            monkeypatch.setenv(name, "https://a.test")
        case "dotenv":
            Path(".env").write_text(f"{name}=https://a.test\n")
        case _:
            (secrets_dir / name).write_text("https://a.test")

    (line,) = odd_names(secrets_dir)

    assert line.startswith(f"{name} in ")
    assert line.endswith(f"is not a setting: did you mean {MISSPELT[name]}?")
    assert "a.test" not in line


@pytest.mark.parametrize("name", ["ALTAN_TYPO", "STRIPE_SECRET_KEY", "NOTIFY_ME", "stripe_color"])
def test_a_name_with_one_of_our_prefixes_is_reported(secrets_dir: Path, name: str) -> None:
    Path(".env").write_text(f"export {name}=1\n")

    (line,) = odd_names(secrets_dir)

    assert line.startswith(f"{name} in .env is not a setting")


@pytest.mark.parametrize("name", [*FOREIGN, "STRIPE_SECRET_KEY", *sorted(COMPANIONS)])
def test_other_programs_names_are_not_reported(
    secrets_dir: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "1")

    assert odd_names(secrets_dir) == []


def test_our_own_names_are_never_reported(secrets_dir: Path) -> None:
    names = [*SETTING_NAMES, *(name.lower() for name in SETTING_NAMES), *compose_variables()]
    Path(".env").write_text("".join(f"{name}=\n" for name in names))

    assert odd_names(secrets_dir) == []


def test_a_refused_start_also_reports_odd_names(
    secrets_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**GOOD, "APP_ULR": "https://a.test", "APP_URL": ""}.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError) as caught:
        load_settings(secrets_dir=secrets_dir)

    missing, odd = caught.value.lines
    assert missing.startswith("APP_URL is missing: ")
    assert odd == "APP_ULR in the environment is not a setting: did you mean APP_URL?"


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"STRIPE_LIVE_MODE": "true"}, "did you mean STRIPE_LIVEMODE?"),
        ({"TRUSTED_PROXIES": "0.0.0.0/0"}, "0.0.0.0/0 includes strangers"),
        ({"STRIPE_WEBHOOK_SECRETS": "whsec_abcdefgh;whsec_ijklmnop"}, "with commas"),
    ],
)
def test_the_start_continues_with_a_warning(
    tmp_path: Path, environment: dict[str, str], words: str
) -> None:
    ended = prepared(tmp_path, **{**GOOD, **environment})

    assert ended.returncode == 0
    (line,) = [line for line in ended.stdout.splitlines() if words in line]
    assert '"level":"warning"' in line
    assert "abcdefgh" not in ended.stdout
