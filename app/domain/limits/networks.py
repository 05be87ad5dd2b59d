"""Which addresses count as one client, and the networks that contain it.

Providers assign one household or server an IPv6 /64, often a /56, sometimes a /48, with all its
addresses. IPv4 addresses are assigned one by one, but a /24 often belongs to one owner.
"""

import ipaddress
from functools import lru_cache
from typing import Final

from app.domain.ids import UNKNOWN_BUCKET

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

IPV6_CLIENT_PREFIX: Final = 64
# Of the networks around a client.
IPV4_PREFIXES: Final = (24,)
IPV6_PREFIXES: Final = (56, 48)
# What a client and the networks around it may do or hold together, as multiples of what one client
# may; by how many of them there are.
NETWORK_MULTIPLES: Final = {0: (), 1: (1,), 2: (1, 8), 3: (1, 4, 16)}


def bucket_of(address: Address) -> str:
    """Return the name of the client with this address: an IPv4 address, or an IPv6 /64."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return _network(address, IPV6_CLIENT_PREFIX)
    return str(address)


@lru_cache(maxsize=4096)  # the same clients return often
def networks_of(bucket: str) -> tuple[str, ...]:
    """Return the names of the client itself and its networks, from the smallest to the largest.

    For IPv4, the address and its /24; for IPv6, the /64, /56 and /48. The unknown client has no
    other network.
    """
    if bucket == UNKNOWN_BUCKET:
        return (bucket,)
    address = ipaddress.ip_address(bucket.partition("/")[0])
    prefixes = IPV4_PREFIXES if isinstance(address, ipaddress.IPv4Address) else IPV6_PREFIXES
    return (bucket, *(_network(address, prefix) for prefix in prefixes))


def household_of(bucket: str) -> str:
    """Return the household, which likely acts as one: an IPv4 address, or an IPv6 /56."""
    return networks_of(bucket)[-2:][0]  # the last but one, or the only one


def _network(address: Address, prefix: int) -> str:
    return str(ipaddress.ip_network((address, prefix), strict=False))
