"""A request must have exactly one valid Host header (RFC 9112, 3.2).

With none or two of them, a proxy and the service behind it may read different hosts.
"""

import re
from collections.abc import Iterable
from typing import Final

_WITHOUT_HOST: Final = frozenset({"0.9", "1.0"})  # versions without a Host header
_HOST: Final = re.compile(rb"[^\x00- \x7f-\xff/?#@\\]*")


def host_fault(headers: Iterable[tuple[bytes, bytes]], http_version: str) -> str | None:
    """Return what is wrong with a request's Host header, or None if it is valid.

    `headers` are pairs of lower-case name and value, `http_version` is like "1.1".
    """
    hosts = [value for name, value in headers if name == b"host"]
    if not hosts:
        return None if http_version in _WITHOUT_HOST else "The request has no Host header."
    if len(hosts) > 1:
        return "The request has more than one Host header."
    host = hosts[0].strip(b" \t")
    if not _HOST.fullmatch(host):
        return "The Host header is not a host and a port."
    return None
