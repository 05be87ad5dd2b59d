"""Origins whose pages may use the service: the listed ones, and in a demo this machine's.

An origin is written as in browsers' `Origin` header (RFC 6454, section 6.2): scheme, host, and
the port unless it is the scheme's default.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

# Names, not networks: these are what development servers print and people open.
_LOOPBACK_PAGE: Final = re.compile(
    r"http://(?:localhost|127\.0\.0\.1|\[::1\])(?::[1-9][0-9]{0,4})?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class ListedAndLoopback(Collection[str]):
    """The listed origins, and all http origins of this machine, on any port.

    For demos only: on a real server, any other local program could start checkouts. Iteration
    yields only the listed origins.
    """

    listed: frozenset[str]

    def __contains__(self, origin: object) -> bool:
        """Return whether a page of this origin may use the service."""
        if origin in self.listed:
            return True
        return isinstance(origin, str) and _LOOPBACK_PAGE.fullmatch(origin) is not None

    def __iter__(self) -> Iterator[str]:
        """The listed origins."""
        return iter(self.listed)

    def __len__(self) -> int:
        """The number of listed origins."""
        return len(self.listed)
