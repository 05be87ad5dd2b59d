"""What a good value of each setting is, as types: each refuses in words that say what to do."""

import json
import re
from enum import StrEnum
from typing import Annotated, Final
from urllib.parse import parse_qsl, urlsplit

import limits
from pydantic import AfterValidator, BeforeValidator, Field, IPvAnyNetwork, SecretStr
from pydantic_settings import NoDecode

from app.domain.urls import read_web_url

CONNECT_ID_HELP: Final = (
    "ask Altan Pay for your Stripe Connect id in your Altan workspace, and set it here (acct_…)"
)
SECRETS_HELP: Final = (
    "set it to the signing secret (whsec_…) that Stripe shows for your webhook endpoint"
)

SHOP_NAME_LENGTH_MAX: Final = 80  # it stands on a phone's page, above everything else


class LogLevel(StrEnum):
    """How much is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """One JSON object a line for machines, or coloured text for people."""

    JSON = "json"
    CONSOLE = "console"


def split_list(value: object) -> object:
    """A list is written with commas, or as a JSON array."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if text.startswith("["):
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            raise ValueError(
                "is not a valid JSON array; commas between the values do, too"
            ) from error
    return [part.strip() for part in text.split(",") if part.strip()]


def _refuse_placeholder(value: str, *, how: str) -> None:
    if "{" in value or "}" in value:
        placeholders = "{account_id} and {stripe_connect_id}"
        sentence = f"Replace {placeholders} with the real values before calling"  # noqa: S608
        raise ValueError(f"{sentence}; {how}")


def _account_id(value: str) -> str:
    _refuse_placeholder(value, how="copy it from your Altan workspace")
    if not re.fullmatch(r"[!-~]{1,128}", value) or value in {".", ".."}:
        raise ValueError("is not an Altan account id; copy it from your Altan workspace")
    return value


def _connect_id(value: str) -> str:
    _refuse_placeholder(value, how=CONNECT_ID_HELP)
    if not re.fullmatch(r"acct_[A-Za-z0-9_]{1,250}", value):
        raise ValueError(f"is not of the form acct_…; {CONNECT_ID_HELP}")
    return value


def _web_url(value: str) -> str:
    try:
        read_web_url(value)
    except ValueError as error:
        raise ValueError(f"{error}; for example https://shop.example") from error
    return value


def _altan_pay_url(value: str) -> str:
    url = read_web_url(value)
    if url.scheme != "https" and not url.is_loopback:
        raise ValueError("must be https; plain http is taken for this very machine only")
    if "?" in url.rest or "#" in url.rest:
        raise ValueError("must be a base address, without query or fragment")
    return value


def _host(value: str) -> str:
    host = value.lower()
    try:
        url = read_web_url(f"https://{host}")
    except ValueError as error:
        raise ValueError("must be host names, like checkout.stripe.com, or host:port") from error
    if url.rest:
        raise ValueError("must be host names alone, without a path")
    return url.origin.removeprefix("https://")


def _webhook_secret(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"whsec_[!-~]{8,250}", value.get_secret_value()):
        raise ValueError(f"does not look like whsec_…; {SECRETS_HELP}")
    return value


Hosts = Annotated[
    tuple[Annotated[str, AfterValidator(_host)], ...],
    NoDecode,
    BeforeValidator(split_list),
    Field(min_length=1),
]
WebhookSecrets = Annotated[
    tuple[Annotated[SecretStr, AfterValidator(_webhook_secret)], ...],
    NoDecode,
    BeforeValidator(split_list),
    Field(min_length=1),
]
Url = Annotated[str, AfterValidator(_web_url)]


# What the driver understands; it would send anything else to the server, which would refuse us.
_POSTGRES_PARAMETERS: Final = frozenset(
    [
        "host",
        "port",
        "sslmode",
        "sslrootcert",
        "sslcert",
        "sslkey",
        "sslcrl",
        "sslnegotiation",
        "target_session_attrs",
    ]
)
_POSTGRES_FORM: Final = "postgresql://user:password@host:5432/database?sslmode=require"
_SSL_MODES: Final = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")


def is_postgres(database_url: str) -> bool:
    """Whether it names a PostgreSQL server rather than an SQLite file."""
    return database_url.startswith(("postgresql://", "postgres://"))


def check_database_url(value: SecretStr) -> SecretStr:
    """The very value.

    Raises:
        ValueError: it is of no form that we know; the words tell nothing of it.
    """
    text = value.get_secret_value()
    if is_postgres(text):
        _check_postgres(text)
    elif not re.fullmatch(r"sqlite:///[^?#]+", text):
        raise ValueError(
            f"must be sqlite:///relative/path.db, sqlite:////absolute/path.db or {_POSTGRES_FORM}"
        )
    return value


def _check_postgres(text: str) -> None:
    """Words without any part of the value: what seems to be the port may be half a password."""
    try:
        parts = urlsplit(text)
        hosts = parts.netloc.rpartition("@")[2].split(",")
        for host in hosts:
            _ = urlsplit(f"//{host}").port
        parameters = dict(parse_qsl(parts.query, strict_parsing=True) if parts.query else ())
    except ValueError:
        raise ValueError(
            f"must be {_POSTGRES_FORM}, with special characters of the password"
            " percent-encoded: %40 for @, %2F for /, %23 for #, %3A for :"
        ) from None
    if not hosts[0] and "host" not in parameters:
        raise ValueError(f"names no host: {_POSTGRES_FORM}, or ?host=/run/postgresql for a socket")
    if not re.fullmatch(r"/[^/]+", parts.path) or parts.fragment:
        raise ValueError(f"names no database, or more than one: {_POSTGRES_FORM}")
    if unknown := sorted(parameters.keys() - _POSTGRES_PARAMETERS):
        known = ", ".join(sorted(_POSTGRES_PARAMETERS))
        names = [name if re.fullmatch(r"[a-z_]{1,40}", name) else "one" for name in unknown]
        raise ValueError(f"has parameters that are not understood ({names[0]}); known: {known}")
    if parameters.get("sslmode", "prefer") not in _SSL_MODES:
        raise ValueError(f"has an unknown sslmode; one of {', '.join(_SSL_MODES)}")


def database_name(database_url: str) -> str:
    """What people call a database: its URL without password and parameters."""
    if not is_postgres(database_url):
        return database_url
    parts = urlsplit(database_url)
    credentials, _, place = parts.netloc.rpartition("@")
    user = credentials.partition(":")[0]
    host = place or dict(parse_qsl(parts.query)).get("host", "")
    return f"postgresql://{user}{'@' if user else ''}{host}{parts.path}"


def _rate(value: str) -> str:
    if value == "off":
        return value
    try:
        amount = limits.parse(value).amount
    except ValueError:
        amount = 0
    if amount < 1:
        raise ValueError("must be like 30/minute or 5/second, or off")
    return value


def _storage(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    try:
        parts = urlsplit(text)
        is_redis = parts.scheme in {"redis", "rediss"} and bool(parts.hostname)
        _ = parts.port  # raises where it is no number
    except ValueError:
        is_redis = False
    if text != "memory" and not is_redis:
        raise ValueError("must be memory, or a Redis URL like redis://host:6379/0")
    return value


def _alert_url(value: SecretStr) -> SecretStr:
    try:
        read_web_url(value.get_secret_value())
    except ValueError as error:
        raise ValueError("is not a web address; copy the incoming webhook's whole URL") from error
    return value


def _dsn(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"https?://[^@/\s]+@[^/\s]+/(?:\S+/)?[0-9]+", value.get_secret_value()):
        raise ValueError("is not a Sentry DSN; copy it from the project's settings in Sentry")
    return value


def _shop_name(value: str) -> str:
    name = value.strip()
    if not 1 <= len(name) <= SHOP_NAME_LENGTH_MAX or not name.isprintable():
        raise ValueError(f"must be 1 to {SHOP_NAME_LENGTH_MAX} characters on one line")
    return name


def _color(value: str) -> str:
    if not re.fullmatch(r"#[0-9A-Fa-f]{6}", value):
        raise ValueError("must be a colour of the form #rrggbb, like #3366d6")
    return value.lower()


ShopName = Annotated[str, AfterValidator(_shop_name)]
Color = Annotated[str, AfterValidator(_color)]
Rate = Annotated[str, AfterValidator(_rate)]
Networks = Annotated[tuple[IPvAnyNetwork, ...], NoDecode, BeforeValidator(split_list)]
AccountId = Annotated[str, AfterValidator(_account_id)]
ConnectId = Annotated[str, AfterValidator(_connect_id)]
AltanPayUrl = Annotated[Url, AfterValidator(_altan_pay_url)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(check_database_url)]
StorageUrl = Annotated[SecretStr, AfterValidator(_storage)]
SentryDsn = Annotated[SecretStr, AfterValidator(_dsn)]
AlertUrl = Annotated[SecretStr, AfterValidator(_alert_url)]
