"""The settings' types: each validates its values, with messages that say what to do."""

import ipaddress
import json
import re
from enum import StrEnum
from typing import Annotated, Final, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr
from pydantic_settings import NoDecode

from app.domain.checkout.urls import read_web_url
from app.domain.limits.rate_limits import parse_rate
from app.settings.database_url import check_database_url

CONNECT_ID_HELP: Final = (
    "ask Altan Pay for your Stripe Connect id in your Altan workspace, and set it here (acct_…)"
)
SECRETS_HELP: Final = (
    "set it to the signing secret (whsec_…) that Stripe shows for your webhook endpoint"
)

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_UUID: Final = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)

_DAY_S: Final = 86_400


class LogLevel(StrEnum):
    """How much is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """One JSON object a line for machines, or colored text for people."""

    JSON = "json"
    CONSOLE = "console"


def split_list(value: object) -> object:
    """Split a list that is written with commas or as a JSON array of strings.

    The defaults (None or an empty tuple) pass. A value without entries is rejected, because an
    empty list would turn off the check that somebody wanted to set.
    """
    if value is None or value == ():
        return value
    if isinstance(value, str):
        text = value.strip()
        value = _json_array(text) if text.startswith("[") else text.split(",")
        value = [part.strip() for part in value if part.strip()]
    if not value or value == ["null"]:
        raise ValueError("is set, but empty; fill it in or remove it")
    return value


def _json_array(text: str) -> list[str]:
    try:
        parts = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(
            "is not a valid JSON array; you can also separate values with commas"
        ) from error
    if not all(isinstance(part, str) for part in parts):
        raise ValueError("must be a JSON array of strings, or values separated by commas")
    return list(parts)


def _refuse_placeholder(value: str, *, how: str) -> None:
    if "{" in value or "}" in value:
        placeholders = "{account_id} and {stripe_connect_id}"
        sentence = f"Replace {placeholders} with the real values before calling"  # noqa: S608
        raise ValueError(f"{sentence}; {how}")


def _account_id(value: str) -> str:
    _refuse_placeholder(value, how="copy it from your Altan workspace")
    if value.startswith("acct_"):
        raise ValueError(
            "is a Stripe account (acct_…), which belongs in ALTAN_STRIPE_CONNECT_ID; "
            "copy the Altan account's own id, a UUID, from your Altan workspace"
        )
    if not re.fullmatch(r"[!-~]{1,128}", value) or value in {".", ".."}:
        raise ValueError("is not an Altan account id; copy it from your Altan workspace")
    return value


def _connect_id(value: str) -> str:
    _refuse_placeholder(value, how=CONNECT_ID_HELP)
    if _UUID.fullmatch(value):
        raise ValueError(
            f"is a UUID, which is the form of ALTAN_ACCOUNT_ID: are the two swapped? "
            f"{CONNECT_ID_HELP[:1].upper()}{CONNECT_ID_HELP[1:]}"
        )
    if not re.fullmatch(r"acct_[A-Za-z0-9_]{1,250}", value):
        raise ValueError(f"is not of the form acct_…; {CONNECT_ID_HELP}")
    return value


def _web_url(value: str) -> str:
    try:
        read_web_url(value)
    except ValueError as error:
        raise ValueError(f"{error}; for example https://shop.example") from error
    return value


def _base_url(value: str) -> str:
    url = read_web_url(value)
    if url.scheme != "https" and not url.is_loopback:
        raise ValueError("must be https; plain http is allowed only for this machine")
    if "?" in url.rest or "#" in url.rest:
        raise ValueError("must be a base URL, without query or fragment")
    return value


def _host(value: str) -> str:
    host = value.lower()
    try:
        url = read_web_url(f"https://{host}")
    except ValueError as error:
        raise ValueError("must be host names, like checkout.stripe.com, or host:port") from error
    if url.rest:
        raise ValueError("must be host names only, without a path")
    return url.origin.removeprefix("https://")


def _webhook_secret(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"whsec_[!-~]{8,250}", value.get_secret_value()):
        raise ValueError(f"does not look like whsec_…; {SECRETS_HELP}")
    return value


def _restricted_key(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if text.startswith("sk_"):
        raise ValueError(
            "is a secret key (sk_…), with which everything may be done; create a restricted key "
            "(rk_…) in Stripe's dashboard instead, and revoke this one if it was exposed"
        )
    if not re.fullmatch(r"rk_(live|test)_[A-Za-z0-9_]{1,250}", text):
        raise ValueError(
            "is not a restricted key (rk_live_… or rk_test_…); create one in Stripe's dashboard"
        )
    return value


def _key_for_a_command(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[rs]k_(live|test)_[A-Za-z0-9_]{1,250}", value.get_secret_value()):
        raise ValueError(
            "is not a key of Stripe's; create a restricted key (rk_live_… or rk_test_…) in the "
            "dashboard"
        )
    return value


def _seconds_or_off(value: object) -> object:
    if value == "off":
        return None
    text = str(value)
    if value is not None and not (re.fullmatch(r"[0-9]{1,5}", text) and 1 <= int(text) <= _DAY_S):
        raise ValueError(f"must be whole seconds from 1 to {_DAY_S}, or off")
    return value


def _token(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[!-~]{24,250}", value.get_secret_value()):
        raise ValueError(
            "must be 24 to 250 printable characters without spaces; make one with: "
            "openssl rand -hex 24"
        )
    return value


def _network(value: str) -> Network:
    try:
        return ipaddress.ip_network(value)
    except ValueError as error:
        raise ValueError(_network_fault(value)) from error


def _network_fault(value: str) -> str:
    """Describe the fault; for the most common one, `10.0.0.1/8`, suggest the network."""
    try:
        meant = ipaddress.ip_network(value, strict=False)
    except ValueError:
        return "must be IP addresses or networks, like 10.0.0.5 or 172.16.0.0/12; no host names"
    return f"has host bits set; did you mean {meant}?"


def _rate(value: str) -> str:
    if value == "off":
        return value
    return parse_rate(value).text


def _storage(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    try:
        parts = urlsplit(text)
        is_redis = parts.scheme in {"redis", "rediss"} and bool(parts.hostname)
        _ = parts.port  # raises if it is not a number
    except ValueError:
        is_redis = False
    if text != "memory" and not is_redis:
        raise ValueError(
            "must be memory, or a Redis URL like redis://host:6379/0; percent-encode special "
            "characters of a password (%40 for @, %2F for /, %23 for #)"
        )
    return value


def _alert_url(value: SecretStr) -> SecretStr:
    try:
        read_web_url(value.get_secret_value())
    except ValueError as error:
        raise ValueError("is not a URL; copy the incoming webhook's complete URL") from error
    return value


def _dsn(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"https?://[^@/\s]+@[^/\s]+/(?:\S+/)?[0-9]+", value.get_secret_value()):
        raise ValueError("is not a Sentry DSN; copy it from the project's settings in Sentry")
    return value


Rate = Annotated[str, AfterValidator(_rate)]

Networks = Annotated[
    tuple[Annotated[Network, BeforeValidator(_network)], ...], NoDecode, BeforeValidator(split_list)
]
Hosts = Annotated[
    tuple[Annotated[str, AfterValidator(_host)], ...], NoDecode, BeforeValidator(split_list)
]
WebhookSecrets = Annotated[
    tuple[Annotated[SecretStr, AfterValidator(_webhook_secret)], ...],
    NoDecode,
    BeforeValidator(split_list),
]
Token = Annotated[SecretStr, AfterValidator(_token)]
Tokens = Annotated[tuple[Token, ...], NoDecode, BeforeValidator(split_list)]
RestrictedKey = Annotated[SecretStr, AfterValidator(_restricted_key)]
SetupKey = Annotated[SecretStr, AfterValidator(_key_for_a_command)]
SecondsOrOff = Annotated[int | None, BeforeValidator(_seconds_or_off)]
Url = Annotated[str, AfterValidator(_web_url)]
AccountId = Annotated[str, AfterValidator(_account_id)]
ConnectId = Annotated[str, AfterValidator(_connect_id)]
BaseUrl = Annotated[Url, AfterValidator(_base_url)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(check_database_url)]
StorageUrl = Annotated[SecretStr, AfterValidator(_storage)]
SentryDsn = Annotated[SecretStr, AfterValidator(_dsn)]
AlertUrl = Annotated[SecretStr, AfterValidator(_alert_url)]
