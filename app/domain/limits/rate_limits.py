"""How many checkouts may start: for a client, its networks, each price, and in all.

The rules alone: which counters one request meets, and whether there is room in all of them. Where
the counts are kept is an adapter's business.
"""

import math
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from app.domain.limits.networks import NETWORK_MULTIPLES, networks_of

# Which of those networks take shares of a shared limit, and how many times the room that is left
# each may hold. A household is often a whole /56, so there is no share for a single /64.
SHARES: Final = {1: (1,), 2: (1, 2), 3: (0, 1, 2)}
RESERVE_PART: Final = 4  # the last quarter of a shared limit goes to the networks with the least

_RATE: Final = re.compile(r"([1-9][0-9]{0,8}) ?(?:/|per) ?(second|minute|hour|day)s?")
_SPANS_S: Final = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}


@dataclass(frozen=True, slots=True)
class Rate:
    """So many in so many seconds. `text` is how the owner wrote it."""

    amount: int
    window_s: int
    text: str


def parse_rate(text: str) -> Rate:
    """Read `5/second`, `30/minute`, `1000/hour` or `9/day`.

    Raises:
        ValueError: it is none of these.
    """
    match = _RATE.fullmatch(text)
    if not match:
        raise ValueError("must be like 30/minute or 5/second, or off")
    return Rate(int(match[1]), _SPANS_S[match[2]], text)


class Kind(StrEnum):
    """Which table a counter is in."""

    CLIENT = "client"
    OVERALL = "overall"
    OVERALL_SHARE = "overall_share"
    PRICE = "price"
    PRICE_SHARE = "price_share"


@dataclass(frozen=True, slots=True)
class Rule:
    """One counter that must have room for a request.

    `share` 0: fewer than `amount` fit. Otherwise `amount` is the shared limit's, whose rule is at
    the index `total` of the same list, and this network may hold `share` times the room left there.
    """

    kind: Kind
    who: str
    window_s: int
    amount: int
    share: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class Counted:
    """What a counter holds: its present fixed window, the one before, and how far this one is.

    `part` goes from 0 to 1. The sum slides: the window before counts for the part still within
    reach, as if its requests had come evenly.
    """

    current: int
    previous: int
    part: float

    @property
    def sum(self) -> float:
        """Requests in the last whole window."""
        return self.current + self.previous * (1 - self.part)


@dataclass(frozen=True, slots=True)
class Refusal:
    """There is no room: at which rule, and how many seconds until there may be."""

    rule: Rule
    retry_after_s: int


def client_rules(rate: Rate, client: str) -> list[Rule]:
    """The counters of a client and of the networks around it."""
    networks = networks_of(client)
    return [
        Rule(Kind.CLIENT, network, rate.window_s, rate.amount * multiple)
        for network, multiple in zip(networks, NETWORK_MULTIPLES[len(networks)], strict=True)
    ]


def cart_rules(
    overall: Rate | None, per_price: Rate | None, *, client: str, prices: Collection[str]
) -> list[Rule]:
    """The counters that all clients share, each followed by this client's shares of it."""
    rules: list[Rule] = []
    networks = networks_of(client)
    if overall:
        rules += _shared(overall, (Kind.OVERALL, Kind.OVERALL_SHARE), "", networks, len(rules))
    if per_price:
        for price in prices:
            kinds = (Kind.PRICE, Kind.PRICE_SHARE)
            rules += _shared(per_price, kinds, price, networks, len(rules))
    return rules


def _shared(
    rate: Rate, kinds: tuple[Kind, Kind], who: str, networks: Sequence[str], total: int
) -> Iterator[Rule]:
    yield Rule(kinds[0], who, rate.window_s, rate.amount)
    for network, share in zip(networks, SHARES[len(networks)], strict=True):
        if share:
            name = f"{who} {network}"
            yield Rule(kinds[1], name, rate.window_s, rate.amount, share, total)


def judge(rules: Sequence[Rule], counts: Sequence[Counted]) -> Refusal | None:
    """The first rule without room for one more request, or None where all have some."""
    for rule, counted in zip(rules, counts, strict=True):
        fewer_than = _room(rule, counts[rule.total])
        if counted.sum >= fewer_than:
            return refusal(rule, counted, fewer_than)
    return None


def _room(rule: Rule, total: Counted) -> float:
    """The sum that a counter must stay below.

    Whoever took most is refused first: the room that a network may fill is measured against what
    is left for all. A network that took nothing is refused only when nothing at all is left.
    """
    if not rule.share:
        return rule.amount
    left = rule.amount - total.sum
    return math.inf if left > rule.amount // RESERVE_PART else rule.share * left


def refusal(rule: Rule, counted: Counted, fewer_than: float) -> Refusal:
    """Says when this counter's sum falls below `fewer_than`, if nobody adds to it.

    Within the window only the one before fades; after its end, this one does.
    """
    current, previous, left_part = counted.current, counted.previous, 1 - counted.part
    if current < fewer_than:
        wait_part = left_part - (fewer_than - current) / previous
    else:
        wait_part = left_part + (1 - fewer_than / current)
    seconds = math.ceil(wait_part * rule.window_s)
    return Refusal(rule, min(max(1, seconds), rule.window_s))
