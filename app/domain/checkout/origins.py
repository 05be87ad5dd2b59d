"""Which pages may use the service: the origins that the owner lists, and in a demo this machine's.

An origin is written as browsers write it in the `Origin` header (RFC 6454, section 6.2): scheme,
host, and the port unless it is the scheme's own.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

# Names, not whole networks: these are what development servers print, and what people open.
_LOOPBACK_PAGE: Final = re.compile(
    r"http://(?:localhost|127\.0\.0\.1|\[::1\])(?::[1-9][0-9]{0,4})?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class ListedAndLoopback(Collection[str]):
    """The listed origins, and every http page that this very machine serves, on any port.

    For demos only: on a real server, whatever else runs there could start checkouts. Iterating
    gives the listed ones, for the others have no end.
    """

    listed: frozenset[str]

    def __contains__(self, origin: object) -> bool:
        """Whether a page of this origin may use the service."""
        if origin in self.listed:
            return True
        return isinstance(origin, str) and _LOOPBACK_PAGE.fullmatch(origin) is not None

    def __iter__(self) -> Iterator[str]:
        """The listed origins."""
        return iter(self.listed)

    def __len__(self) -> int:
        """How many are listed."""
        return len(self.listed)
