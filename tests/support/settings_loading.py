"""Loads settings from an environment that a test creates."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from pydantic import SecretStr

from app.settings.settings import Settings, SettingsError, load_settings

GOOD: Mapping[str, str] = {
    "ALTAN_ACCOUNT_ID": "4f6c1c1e-0000-4000-8000-000000000000",
    "ALTAN_STRIPE_CONNECT_ID": "acct_1ABC",
    "STRIPE_WEBHOOK_SECRETS": "whsec_of_the_environment",
    "APP_URL": "https://shop.example",
}

ASK_ALTAN_PAY = (
    "ask Altan Pay for your Stripe Connect id in your Altan workspace, and set it here (acct_…)"
)


class Load:
    """Loads valid settings with a test's changes; None removes a setting."""

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
