"""Where settings come from, and which source takes precedence."""

from pathlib import Path

import pytest

from tests.support.settings_loading import GOOD, Load, dotenv, shown


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
