"""Finds the client of a request, and whether it came by TLS: from the peer, or a trusted proxy."""

import ipaddress
import re
from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.types import Scope

from app.domain.ids import UNKNOWN_BUCKET
from app.domain.limits.networks import Address, bucket_of

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# Some load balancers append the client's port to its address.
_ADDRESS = re.compile(r"(?P<v4>[0-9.]+):[0-9]+|\[(?P<v6>[0-9a-fA-F:.]+)\](?::[0-9]+)?")


def client_bucket(scope: Scope, trusted_proxies: Sequence[Network]) -> str:
    """Return the client to count a request for: an IPv4 address, or an IPv6 /64.

    X-Forwarded-For is read from its end, where our own proxies write, and only as far as they are
    trusted, because anybody can make up what comes before. Some proxies add another header line.
    """
    peer = scope.get("client")
    address = _parse(peer[0]) if peer else None
    if address is None:
        return UNKNOWN_BUCKET
    forwarded = ",".join(Headers(scope=scope).getlist("x-forwarded-for")).split(",")
    while _is_trusted(address, trusted_proxies) and forwarded:
        before = _parse(forwarded.pop().strip())
        if before is None:
            break
        address = before
    return bucket_of(address)


def peer_bucket(peer: str) -> str:
    """Return the client to count a connection for; only the peer's address counts."""
    address = _parse(peer)
    return UNKNOWN_BUCKET if address is None else bucket_of(address)


def is_trusted_peer(peer: str, trusted_proxies: Sequence[Network]) -> bool:
    """Return whether a connection comes from one of our own proxies, which has many clients."""
    address = _parse(peer)
    return address is not None and _is_trusted(address, trusted_proxies)


def came_by_tls(scope: Scope, trusted_proxies: Sequence[Network]) -> bool:
    """Return whether the client's own connection is encrypted, as far as that is known.

    A proxy that appends to X-Forwarded-Proto writes one value for each connection on the way.
    """
    if scope.get("scheme") == "https":
        return True
    peer = scope.get("client")
    if peer is None or not is_trusted_peer(peer[0], trusted_proxies):
        return False
    told = ",".join(Headers(scope=scope).getlist("x-forwarded-proto")).lower().split(",")
    return "https" in [each.strip() for each in told]


def _is_trusted(address: Address, trusted_proxies: Sequence[Network]) -> bool:
    return any(address in network for network in trusted_proxies)


def _parse(text: str) -> Address | None:
    match = _ADDRESS.fullmatch(text)
    try:
        address = ipaddress.ip_address(match["v4"] or match["v6"] if match else text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address
