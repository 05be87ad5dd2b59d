"""Which addresses a notification may be sent to.

A receiver may be in a private network, next to the service. Forbidden are addresses where a cloud
provider gives credentials to every process of a machine, and those that are not a single host.
"""

import ipaddress
from typing import Final

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Metadata services outside 169.254.0.0/16: Alibaba, Oracle, Azure, AWS, Google (IPv6).
_METADATA: Final = frozenset(
    ipaddress.ip_address(text)
    for text in (
        "100.100.100.200",
        "192.0.0.192",
        "168.63.129.16",
        "fd00:ec2::23",
        "fd00:ec2::254",
        "fd20:ce::254",
    )
)
# RFC 6052 and 8215: the last 32 bits are IPv4.
_NAT64: Final = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))


def is_forbidden(address: Address) -> bool:
    """Return whether an address is forbidden: link-local, metadata, multicast, unspecified."""
    meant = _meant(address)
    return meant.is_link_local or meant.is_multicast or meant.is_unspecified or meant in _METADATA


def is_forbidden_host(host: str) -> bool:
    """Return the same for a URL's host; False for a name, which must be resolved first."""
    try:
        return is_forbidden(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        return False


def _meant(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address leads to, if it does."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if any(address in network for network in _NAT64):
        return ipaddress.IPv4Address(address.packed[-4:])
    return address.ipv4_mapped or address.sixtofour or address
