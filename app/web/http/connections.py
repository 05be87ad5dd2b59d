"""Limits the connections of the process: in all, for each peer, and for the networks around it.

Each connection is an open file, and the database, Altan Pay and Stripe's events need some, too.
When all are taken, the network with the most loses one to a network with fewer.
"""

import sys
from collections.abc import Callable, Sequence
from enum import Enum, StrEnum
from functools import lru_cache
from typing import Final

import orjson

from app.domain.limits.holdings import WHOLE, Holdings
from app.domain.limits.networks import networks_of
from app.web.errors import OverloadedError
from app.web.http.client_address import Network, is_trusted_peer, peer_bucket
from app.web.http.shares import Shares

CONNECTIONS_MAX: Final = 5_000
CONNECTIONS_OF_PEER_MAX: Final = 256  # browsers open six, and an office shares one address
KEPT_FOR_WEBHOOKS: Final = 128
LEAVING_MAX: Final = 128  # at once, while they get the reason or their last answer
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
"""The answer on a connection that is refused before its request is read."""


class Admission(Enum):
    """What a connection may do."""

    ALL = "all"
    WEBHOOKS = "webhooks"  # nothing else, because all other connections are taken
    LEAVES = "leaves"  # after the reason or its last answer was sent
    NOTHING = "nothing"


class Outcome(StrEnum):
    """The outcome of a connection, for metrics."""

    ADMITTED = "admitted"
    WEBHOOKS_ALONE = "webhooks_alone"
    GAVE_WAY = "gave_way"
    REFUSED_CLIENT = "refused_client"
    REFUSED_NETWORK = "refused_network"
    REFUSED_ALL = "refused_all"


class Admitted:
    """One connection, and what it may do. `give_way` gets whether there is time to finish."""

    __slots__ = ("admission", "client", "give_way")

    def __init__(
        self, admission: Admission, client: str | None, give_way: Callable[[bool], None]
    ) -> None:
        self.admission = admission
        self.client = client
        self.give_way = give_way


def connections_max() -> int:
    """Return the number that the limit of open files allows."""
    if sys.platform == "win32":
        return CONNECTIONS_MAX
    import resource  # noqa: PLC0415 not there on Windows

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return CONNECTIONS_MAX
    return max(FEWEST, min(CONNECTIONS_MAX, soft - FILES_KEPT_BACK))


class Connections:
    """Counts the open connections of one process.

    A trusted proxy has many clients, so only the limit in all applies to it.
    """

    def __init__(
        self,
        *,
        trusted_proxies: Sequence[Network] = (),
        in_all: int | None = None,
        of_peer: int = CONNECTIONS_OF_PEER_MAX,
        kept_for_webhooks: int = KEPT_FOR_WEBHOOKS,
    ) -> None:
        self._held = Holdings[Admitted](
            in_all=connections_max() if in_all is None else in_all, of_client=of_peer
        )
        self._kept = Shares(kept_for_webhooks)
        self._leaving = 0
        self._report: Callable[[Outcome], None] = lambda _: None
        # Cached, because the same peers return, and parsing an address costs more than counting it.
        self._client_of = lru_cache(maxsize=4096)(
            lambda peer: None if is_trusted_peer(peer, trusted_proxies) else peer_bucket(peer)
        )

    @property
    def open(self) -> int:
        """The number of open connections."""
        return self._held.held_in(WHOLE) + self._kept.used + self._leaving

    def report_outcomes_to(self, report: Callable[[Outcome], None]) -> None:
        """Call `report` with the outcome of each connection from now on."""
        self._report = report

    def admit(
        self, peer: str | None, give_way: Callable[[bool], None] = lambda _: None
    ) -> Admitted:
        """Count a new connection of `peer`. Another one may be closed to make room for it.

        `peer` is None for a local socket, which only a proxy of ours can use.
        """
        client = None if peer is None else self._client_of(peer)
        full = self._held.full_network(client)
        if full is None or self._one_gives_way(client, full):
            admitted = Admitted(Admission.ALL, client, give_way)
            self._held.add(client, admitted)
            self._report(Outcome.ADMITTED)
        elif full == WHOLE and self._kept.take(_parties(client)):
            admitted = Admitted(Admission.WEBHOOKS, client, give_way)
            self._report(Outcome.WEBHOOKS_ALONE)
        else:  # over its own limit: the reserve for Stripe is not for a network's surplus
            admitted = Admitted(self._may_leave_in_time(), client, give_way)
            self._report(_refusal(client, full))
        return admitted

    def leave(self, admitted: Admitted) -> None:
        """Record that a connection has ended."""
        if admitted.admission is Admission.ALL:
            self._held.remove(admitted.client, admitted)
        elif admitted.admission is Admission.WEBHOOKS:
            self._kept.give_back(_parties(admitted.client))
        elif admitted.admission is Admission.LEAVES:
            self._leaving -= 1

    def _one_gives_way(self, client: str | None, full: str) -> bool:
        found = self._held.giver(client, full)
        if found is None:
            return False
        self.leave(found[1])
        found[1].admission = self._may_leave_in_time()
        self._report(Outcome.GAVE_WAY)
        found[1].give_way(found[1].admission is Admission.LEAVES)
        return True

    def _may_leave_in_time(self) -> Admission:
        if self._leaving >= LEAVING_MAX:
            return Admission.NOTHING
        self._leaving += 1
        return Admission.LEAVES


def _parties(client: str | None) -> tuple[str, ...]:
    return () if client is None else networks_of(client)


def _refusal(client: str | None, full: str) -> Outcome:
    if full == WHOLE:
        return Outcome.REFUSED_ALL
    return Outcome.REFUSED_CLIENT if full == client else Outcome.REFUSED_NETWORK
