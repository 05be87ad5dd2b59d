"""Parses URLs strictly, so that every later parser reads them the same way.

Browsers, Stripe and Python disagree about unusual URLs (backslashes, userinfo, control characters),
which makes open redirects possible. So unusual URLs are rejected here.
"""

import ipaddress
import re
from dataclasses import dataclass

URL_LENGTH_MAX = 5000  # Stripe, checkout/sessions/create: success_url and cancel_url

_WEB_URL = re.compile(
    r"(?P<scheme>https?)://"
    r"(?P<host>[a-z0-9](?:[a-z0-9_.-]*[a-z0-9])?|\[[0-9a-f:.]+\])"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<rest>[/?#][!-\[\]-~]*)?",  # no backslash, which browsers read as /
    re.IGNORECASE | re.ASCII,  # ASCII: otherwise U+017F, the long s, matches an s
)
# Parsers read such a host as an IPv4 address, or fail (WHATWG URL, "ends in a number").
_ENDS_IN_A_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_PORT_MAX = 65535


@dataclass(frozen=True, slots=True)
class WebUrl:
    """An http(s) URL that all parsers read the same way; `text` is the unchanged original."""

    text: str
    scheme: str
    host: str
    port: int
    rest: str

    @property
    def origin(self) -> str:
        """The origin as browsers write it: lower case, without the scheme's default port."""
        if self.port == _DEFAULT_PORTS[self.scheme]:
            return f"{self.scheme}://{self.host}"
        return f"{self.scheme}://{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether the host is this machine, by name or by address."""
        return is_loopback(self.host)


def read_web_url(text: str) -> WebUrl:
    """Read an absolute http or https URL.

    Raises:
        ValueError: in words that complete "the address …".
    """
    if len(text) > URL_LENGTH_MAX:
        raise ValueError(f"is longer than {URL_LENGTH_MAX} characters")
    match = _WEB_URL.fullmatch(text)
    if match is None:
        raise ValueError(
            "must be an absolute http(s) URL in ASCII, without user name, spaces or backslashes"
        )
    scheme = match["scheme"].lower()
    port = int(match["port"] or _DEFAULT_PORTS[scheme])
    if not 0 < port <= _PORT_MAX:
        raise ValueError(f"has no valid port: {port}")
    host = match["host"].lower()
    if not _is_name(host) and not _is_address(host):
        raise ValueError(
            "has no valid IP address as its host: write four numbers like 192.0.2.1, or IPv6 in "
            "brackets like [2001:db8::1]"
        )
    return WebUrl(text, scheme, host, port, match["rest"] or "")


def _is_name(host: str) -> bool:
    return not (host.startswith("[") or _ENDS_IN_A_NUMBER.fullmatch(host))


def _is_address(host: str) -> bool:
    try:
        if host.startswith("["):
            ipaddress.IPv6Address(host.strip("[]"))
        else:
            ipaddress.IPv4Address(host)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Return whether `host` (lower-case name or address, IPv6 in brackets) is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
