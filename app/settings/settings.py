"""The settings, read once at start from the environment, `.env` and /run/secrets.

Only the composition root (main, serving, bootstrap and the modules beside it) and the commands
import this module; everything else gets the values that it needs.
"""

from collections.abc import Collection
from pathlib import Path
from typing import Final

from pydantic import AliasChoices, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import SettingsError as SourceError

from app.domain.checkout.urls import is_loopback, read_web_url
from app.settings.altan_pay_fields import AltanPayFieldSettings
from app.settings.database_url import database_name, is_postgres
from app.settings.faults import fault_lines
from app.settings.names import lines_about_names, names_in_use
from app.settings.orders_table import OrdersTableSettings
from app.settings.origins import Origins, check_origins, origins_of
from app.settings.receivers import ReceiverSettings
from app.settings.shop_pages import ShopPageSettings
from app.settings.sources import Kind, SourcedSettings, read_sources
from app.settings.types import (
    SECRETS_HELP,
    AccountId,
    AlertUrl,
    BaseUrl,
    ConnectId,
    DatabaseUrl,
    Hosts,
    LogFormat,
    LogLevel,
    Networks,
    Rate,
    RestrictedKey,
    SecondsOrOff,
    SentryDsn,
    StorageUrl,
    Token,
    Tokens,
    Url,
    WebhookSecrets,
)

SECRETS_DIR: Final = Path("/run/secrets")

# The sandbox's secret is public, so a service that accepts it must not use the real Altan Pay.
SANDBOX_SECRET_PREFIX: Final = "whsec_sandbox_"  # noqa: S105 a mark, not a secret


_NOT_TEXT: Final = ".env, or a file in /run/secrets, is not UTF-8 text; save it as UTF-8"


class Settings(
    AltanPayFieldSettings,
    ReceiverSettings,
    OrdersTableSettings,
    ShopPageSettings,
    SourcedSettings,
):
    """Every setting, by the name it has in the environment."""

    altan_account_id: AccountId = Field(
        description="the Altan account's id, from your Altan workspace"
    )
    altan_stripe_connect_id: ConnectId = Field(
        description="the connected Stripe account, acct_…; ask Altan Pay for it in your workspace"
    )
    altan_pay_url: BaseUrl = Field(
        "https://pay.altan.ai", description="https, or http on loopback only"
    )
    altan_pay_timeout_s: float = Field(
        10, gt=0, le=60, description="seconds for all calls to Altan Pay of one checkout"
    )
    checkout_url_hosts: Hosts = Field(
        ("checkout.stripe.com",), description="hosts that buyers may be redirected to for payment"
    )
    stripe_webhook_secrets: WebhookSecrets = Field(
        validation_alias=AliasChoices("stripe_webhook_secrets", "stripe_webhook_secret"),
        description="one or more whsec_…; STRIPE_WEBHOOK_SECRET is read too",
    )
    stripe_webhook_tolerance_s: int = Field(
        300, ge=1, le=86_400, description="seconds that a signature's time may differ from now"
    )
    stripe_livemode: bool | None = Field(
        None, description="true or false: count only live or only test events; unset: both"
    )
    stripe_api_key: RestrictedKey | None = Field(
        None, description="a restricted, read-only key (rk_…), for reconciliation; unset: off"
    )
    stripe_api_account_header: bool = Field(
        default=False,
        description="true: the key is the platform's, so calls name the connected account",
    )
    stripe_api_url: BaseUrl = Field(
        "https://api.stripe.com", description="https, or http on loopback only"
    )
    reconcile_every_s: SecondsOrOff = Field(
        300, description="seconds between checks for missed events; `off` turns them off"
    )
    app_url: Url = Field(description="the shop's root URL")
    success_url: Url | None = Field(
        None, description="where buyers return after paying; default APP_URL"
    )
    cancel_url: Url | None = Field(
        None, description="where buyers return without paying; default APP_URL"
    )
    allowed_origins: Origins = Field(
        None,
        description="for CORS, the Origin check and redirect URLs; unset: APP_URL's origin",
    )
    catalog_file: Path | None = Field(
        None, description="TOML list of prices for sale; unset: all prices of the account"
    )
    max_quantity: int = Field(
        999, ge=1, le=999_999, description="the largest quantity of one price in a cart"
    )
    database_url: DatabaseUrl = Field(
        SecretStr("sqlite:///data/checkout.db"),
        description="the database: sqlite:///… or postgresql://…",
    )
    database_pool_size: int = Field(
        5, ge=2, le=100, description="PostgreSQL: the maximum number of connections of one process"
    )
    event_retention_days: int = Field(
        400, ge=30, le=36_500, description="days after which events' payloads are deleted"
    )
    rate_limit_checkout: Rate = Field(
        "30/minute",
        description="checkouts per client address; `off` turns off the other two as well",
    )
    rate_limit_price: Rate | None = Field(
        None, description="checkouts per price; unset: 600/minute"
    )
    rate_limit_global: Rate | None = Field(
        None, description="checkouts overall; unset: 3000/minute"
    )
    rate_limit_storage: StorageUrl = Field(
        SecretStr("memory"), description="memory, or a Redis URL that replicas share"
    )
    api_tokens: Tokens = Field(
        (), description="tokens with which the shop's own server reads orders; unset: off"
    )
    admin_api_token: Token | None = Field(
        None,
        description="operators' token: all that API_TOKENS allow, the operators' API, the console",
    )
    trusted_proxies: Networks = Field(
        (), description="addresses or networks whose X-Forwarded-For is trusted"
    )
    sentry_dsn: SentryDsn | None = Field(None, description="also send alerts to Sentry")
    alert_webhook_url: AlertUrl | None = Field(
        None, description="also post alerts there, as Slack-compatible JSON"
    )
    host: str = Field("127.0.0.1", description="the address that `serve` listens on")
    port: int = Field(8000, ge=0, le=65_535, description="the port that `serve` listens on")
    log_level: LogLevel = Field(LogLevel.INFO, description="debug, info, warning or error")
    log_format: LogFormat = Field(LogFormat.JSON, description="json, or console for people")

    @model_validator(mode="after")
    def _sandbox_or_real(self) -> "Settings":
        """Reject the sandbox's public secret for a real shop: anybody could forge events."""
        secrets = (secret.get_secret_value() for secret in self.stripe_webhook_secrets)
        are_sandbox = [secret.startswith(SANDBOX_SECRET_PREFIX) for secret in secrets]
        if any(are_sandbox) and not self.is_sandbox:
            raise ValueError(
                "STRIPE_WEBHOOK_SECRETS is wrong: it is the sandbox's published secret, but "
                f"ALTAN_PAY_URL is not the sandbox; {SECRETS_HELP}"
            )
        self.check_notify_secrets(is_sandbox=self.is_sandbox)
        check_origins(self.allowed_origins or (), is_demo=self.is_sandbox and all(are_sandbox))
        return self

    @property
    def shop_origins(self) -> Collection[str]:
        """The origins for CORS and redirect URLs."""
        return origins_of(self.allowed_origins or (read_web_url(self.app_url).origin,))

    @property
    def shop_name_shown(self) -> str:
        """The shop's name, as pages show it."""
        return self.shop_name or read_web_url(self.app_url).host

    @property
    def rates(self) -> tuple[str, str, str]:
        """The rates per client, per price and overall; the first's `off` is the others' default."""
        lifted = self.rate_limit_checkout == "off"
        return (
            self.rate_limit_checkout,
            self.rate_limit_price or ("off" if lifted else "600/minute"),
            self.rate_limit_global or ("off" if lifted else "3000/minute"),
        )

    @property
    def database_path(self) -> Path:
        """The SQLite file's path, if SQLite is used."""
        return Path(self.database_url.get_secret_value().removeprefix("sqlite:///"))

    @property
    def postgres_url(self) -> str | None:
        """PostgreSQL's URL with its password; None for SQLite."""
        url = self.database_url.get_secret_value()
        return url if is_postgres(url) else None

    @property
    def database_name(self) -> str:
        """The database's URL without the password."""
        return database_name(self.database_url.get_secret_value())

    @property
    def is_sandbox(self) -> bool:
        """Whether Altan Pay is simulated on this machine, so that no real money can move."""
        return is_loopback(read_web_url(self.altan_pay_url).host)


SETTING_NAMES: Final = (
    *(name.upper() for name in Settings.model_fields),
    "STRIPE_WEBHOOK_SECRET",
)


class SettingsError(Exception):
    """Some settings are wrong or missing: one printable line each, without secrets."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


def load_settings(*, secrets_dir: Path = SECRETS_DIR) -> Settings:
    """Read the settings; the environment overrides `.env`, which overrides files in `secrets_dir`.

    Raises:
        SettingsError: with a line for each setting that is wrong or missing.
    """
    return load(Settings, secrets_dir=secrets_dir)


def load(kind: type[Kind], *, secrets_dir: Path = SECRETS_DIR) -> Kind:
    """Read one kind of settings, as `load_settings` does.

    Raises:
        SettingsError: as there.
    """
    try:
        return read_sources(kind, secrets_dir)
    except ValidationError as error:
        raise SettingsError([*fault_lines(kind, error), *odd_names(secrets_dir)]) from None
    except UnicodeDecodeError:
        raise SettingsError([f"The settings cannot be read: {_NOT_TEXT}"]) from None
    except (OSError, SourceError) as error:
        raise SettingsError([f"The settings cannot be read: {_reason(error)}"]) from error


def odd_names(secrets_dir: Path = SECRETS_DIR) -> list[str]:
    """Return a line for each name that looks like a misspelled setting."""
    return lines_about_names(names_in_use(secrets_dir), frozenset(SETTING_NAMES))


def _reason(error: OSError | SourceError) -> str:
    """Return the operating system's message only: others may contain a value."""
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}"
    return "a value does not have the form that its setting needs"
