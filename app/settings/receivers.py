"""The settings for notifications about orders, and their types."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, NoDecode

from app.domain.checkout.urls import WebUrl, read_web_url
from app.domain.notifications.addresses import is_forbidden_host
from app.domain.notifications.signatures import read_key
from app.settings.types import split_list

_SECRETS_HELP: Final = 'make one with: echo "whsec_$(openssl rand -base64 32)"'

# The demo's receiver verifies with it.
SANDBOX_NOTIFY_SECRET: Final = "whsec_c2FuZGJveC1ub3RpZmljYXRpb25zLTAx"  # noqa: S105 published

# RFC 9110, 5.6.2 (a token), 5.5 (visible ASCII, single spaces inside).
_HEADER: Final = re.compile(r"(?P<name>[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}): *(?P<value>[!-~][ -~]*)")
_HEADER_VALUE_MAX: Final = 4000
# The request's own, and those of one connection only (RFC 9110, 7.6.1).
_OUR_HEADERS: Final = frozenset(
    [
        "host",
        "connection",
        "expect",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ]
)
_OUR_HEADERS_START: Final = ("webhook-", "content-")


def _notify_url(value: SecretStr) -> SecretStr:
    read_posted_url(value, example="https://shop.example/notifications")
    return value


def read_posted_url(value: SecretStr, *, example: str) -> WebUrl:
    """Read a URL to which orders are posted.

    Raises:
        ValueError: anybody could read what is posted there, or nothing may be posted there.
    """
    try:
        url = read_web_url(value.get_secret_value())
    except ValueError as error:
        raise ValueError(f"{error}; for example {example}") from error
    if url.scheme != "https" and not _may_be_plain(url):
        raise ValueError(
            "must be https; plain http is allowed only for this machine, or a host without a dot, "
            "like a container's name"
        )
    if "#" in url.rest:
        raise ValueError("must have no fragment (#…), because it would not be sent")
    if is_forbidden_host(url.host):
        raise ValueError("is a link-local or metadata address, to which nothing is sent")
    return url


def _may_be_plain(url: WebUrl) -> bool:
    return url.is_loopback or not ("." in url.host or url.host.startswith("["))


def _notify_secret(value: SecretStr) -> SecretStr:
    try:
        read_key(value.get_secret_value())
    except ValueError as error:
        raise ValueError(f"{error}; {_SECRETS_HELP}") from error
    return value


def _auth_header(value: SecretStr) -> SecretStr:
    match = _HEADER.fullmatch(value.get_secret_value().strip())
    if match is None or len(match["value"]) > _HEADER_VALUE_MAX:
        raise ValueError("must be one header, like Authorization: Bearer … or X-Key: …")
    name = match["name"].lower()
    if name in _OUR_HEADERS or name.startswith(_OUR_HEADERS_START):
        raise ValueError(
            f"must not set {match['name']}: webhook-*, Content-*, Host and the connection's "
            "headers belong to the notification itself"
        )
    return SecretStr(f"{match['name']}: {match['value']}")


NotifyUrl = Annotated[SecretStr, AfterValidator(_notify_url)]
NotifySecrets = Annotated[
    tuple[Annotated[SecretStr, AfterValidator(_notify_secret)], ...],
    NoDecode,
    BeforeValidator(split_list),
]
AuthHeader = Annotated[SecretStr, AfterValidator(_auth_header)]


class ReceiverSettings(BaseSettings):
    """The settings for notifications about orders."""

    notify_url: NotifyUrl | None = Field(
        None, description="where order notifications are posted; unset: off"
    )
    notify_secrets: NotifySecrets = Field(
        (), description="whsec_ and base64 of 24 to 64 bytes; the newest first, all of them sign"
    )
    notify_auth_header: AuthHeader | None = Field(
        None, description="one header, Name: value, for receivers that check no signature"
    )
    notify_foreign: bool = Field(
        default=False, description="also notify of sessions that this service did not start"
    )

    @model_validator(mode="after")
    def _can_sign(self) -> "ReceiverSettings":
        """Require secrets: anybody could send an unsigned notification."""
        if self.notify_url and not self.notify_secrets:
            raise ValueError(f"NOTIFY_SECRETS is missing, which NOTIFY_URL needs: {_SECRETS_HELP}")
        return self

    def check_notify_secrets(self, *, is_sandbox: bool) -> None:
        """Reject the demo's public secret for a real shop: anybody could sign with it.

        Raises:
            ValueError: it is among the secrets.
        """
        secrets = {each.get_secret_value() for each in self.notify_secrets}
        if SANDBOX_NOTIFY_SECRET in secrets and not is_sandbox:
            raise ValueError(
                "NOTIFY_SECRETS is wrong: it is the sandbox's published secret, but ALTAN_PAY_URL "
                f"is not the sandbox; {_SECRETS_HELP}"
            )

    @property
    def notify_host(self) -> str | None:
        """The receiver's host, the only part of its URL that may be shown."""
        return read_web_url(self.notify_url.get_secret_value()).host if self.notify_url else None

    @property
    def notify_auth_header_name(self) -> str | None:
        """The header's name, the only part of it that may be shown."""
        header = self.notify_auth_header
        return header.get_secret_value().partition(":")[0] if header else None
