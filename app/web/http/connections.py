"""How many connections the process holds: in all, and of each peer.

Each connection is an open file, and the database, Altan Pay and Stripe's events need some, too.
"""

import sys
from collections.abc import Sequence
from enum import Enum
from functools import lru_cache
from typing import Final

import orjson

from app.web.errors import OverloadedError
from app.web.http.client_address import Network, is_trusted_peer, peer_bucket
from app.web.http.shares import Shares

CONNECTIONS_MAX: Final = 5_000
CONNECTIONS_OF_PEER_MAX: Final = 256  # browsers open six, and an office shares one address
KEPT_FOR_WEBHOOKS: Final = 128
TURNED_AWAY_MAX: Final = 128  # at once, while they hear why
FILES_KEPT_BACK: Final = 512  # the three above, calls of Altan Pay (128), the database (100), logs
FEWEST: Final = 64

_BODY: Final = orjson.dumps(
    {
        "type": f"urn:altan-checkout:error:{OverloadedError.code}",
        "title": OverloadedError.title,
        "status": 503,
        "detail": "Too many connections are open. Please try again.",
        "code": OverloadedError.code,
    }
)
ANSWER: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\n"
    b"cache-control: no-store\r\nretry-after: 5\r\nconnection: close\r\n"
    b"content-length: %d\r\n\r\n%b" % (len(_BODY), _BODY)
)
"""For a connection that is refused before its request is read."""


class Admission(Enum):
    """What a new connection may do."""

    ALL = "all"
    WEBHOOKS = "webhooks"  # nothing else: the others' places are taken
    HEARS_WHY = "hears_why"
    NOTHING = "nothing"


def connections_max() -> int:
    """As many as the limit of open files leaves."""
    if sys.platform == "win32":
        return CONNECTIONS_MAX
    import resource  # noqa: PLC0415 not there on Windows

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return CONNECTIONS_MAX
    return max(FEWEST, min(CONNECTIONS_MAX, soft - FILES_KEPT_BACK))


class Connections:
    """Counts the open connections of one process.

    A peer that is a trusted proxy speaks for many clients, so it is held to the whole alone.
    """

    def __init__(
        self,
        *,
        trusted_proxies: Sequence[Network] = (),
        in_all: int | None = None,
        of_peer: int = CONNECTIONS_OF_PEER_MAX,
    ) -> None:
        self._shares = Shares(connections_max() if in_all is None else in_all, of_one=of_peer)
        self._kept = Shares(KEPT_FOR_WEBHOOKS)
        self._of_peer = of_peer
        self._hearing_why = 0
        self.turned_away = 0
        # The same peers come again and again, and reading an address costs more than counting it.
        self._bucket_of = lru_cache(maxsize=4096)(
            lambda peer: None if is_trusted_peer(peer, trusted_proxies) else peer_bucket(peer)
        )

    @property
    def open(self) -> int:
        """How many are open now."""
        return self._shares.used + self._kept.used + self._hearing_why

    def admit(self, peer: str | None) -> tuple[Admission, str | None]:
        """What a new connection of `peer` may do, and the party to hand to `leave` with it.

        `peer` is None for a local socket, behind which only a proxy of ours can be.
        """
        party = None if peer is None else self._bucket_of(peer)
        for shares, admission in (
            (self._shares, Admission.ALL),
            (self._kept, Admission.WEBHOOKS),
        ):
            if shares.take_unshared() if party is None else shares.take(party):
                return admission, party
            if party is not None and self._shares.held_by(party) >= self._of_peer:
                break  # of its own doing: what is kept for Stripe is not for its surplus
        self.turned_away += 1
        if self._hearing_why >= TURNED_AWAY_MAX:
            return Admission.NOTHING, party
        self._hearing_why += 1
        return Admission.HEARS_WHY, party

    def leave(self, admission: Admission, party: str | None) -> None:
        """A connection has ended."""
        if admission is Admission.HEARS_WHY:
            self._hearing_why -= 1
        elif admission is not Admission.NOTHING:
            shares = self._shares if admission is Admission.ALL else self._kept
            if party is None:
                shares.give_back_unshared()
            else:
                shares.give_back(party)
