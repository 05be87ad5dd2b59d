"""The settings of `altan-checkout webhooks`, which runs before the service can have all of its own.

Creating an endpoint gives the secret that STRIPE_WEBHOOK_SECRETS requires.
"""

from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.settings.faults import fault_lines
from app.settings.settings import SECRETS_DIR, SettingsError, load
from app.settings.sources import SourcedSettings
from app.settings.types import BaseUrl, ConnectId, RestrictedKey, SetupKey


class _SetupKey(BaseSettings):
    """Only from the environment: a key that may write belongs in no file of the service.

    A secret key is accepted, too, because it is used once and not stored.
    """

    model_config = SettingsConfigDict(
        env_ignore_empty=True, extra="ignore", hide_input_in_errors=True
    )

    stripe_setup_key: SetupKey | None = None


class _StripeSettings(SourcedSettings):
    stripe_api_key: RestrictedKey | None = None
    stripe_api_account_header: bool = False
    stripe_api_url: BaseUrl = "https://api.stripe.com"
    altan_stripe_connect_id: ConnectId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupSettings:
    """How to reach Stripe's API. `account` is the connected account that calls are about, if any.

    `setup_key` may create endpoints; `read_key` is the service's own.
    """

    url: str
    setup_key: SecretStr | None
    read_key: SecretStr | None
    account: str | None


def load_setup(*, secrets_dir: Path = SECRETS_DIR) -> SetupSettings:
    """Read the settings; none of them is required.

    Raises:
        SettingsError: with a line for each setting that is wrong.
    """
    try:
        setup_key = _SetupKey().stripe_setup_key
    except ValidationError as error:
        raise SettingsError(fault_lines(_SetupKey, error)) from None
    stripe = load(_StripeSettings, secrets_dir=secrets_dir)
    return SetupSettings(
        url=stripe.stripe_api_url,
        setup_key=setup_key,
        read_key=stripe.stripe_api_key,
        account=stripe.altan_stripe_connect_id if stripe.stripe_api_account_header else None,
    )
