"""Rate limits: which counters apply to a request, and whether they have room.

Limits apply per client, per network, per price and overall. An adapter stores the counts.
"""

import math
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from app.domain.limits.networks import NETWORK_MULTIPLES, networks_of

# Which networks have a share of a shared limit, as a multiple of the room that is left. A household
# often has a complete /56, so a single /64 has no share.
SHARES: Final = {0: (), 1: (1,), 2: (1, 2), 3: (0, 1, 2)}
RESERVE_PART: Final = 4  # the last quarter of a shared limit is for the networks that used least

_RATE: Final = re.compile(r"([1-9][0-9]{0,8}) ?(?:/|per) ?(second|minute|hour|day)s?")
_SPANS_S: Final = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}


@dataclass(frozen=True, slots=True)
class Rate:
    """An amount per number of seconds. `text` is the setting's value."""

    amount: int
    window_s: int
    text: str


def parse_rate(text: str) -> Rate:
    """Parse `5/second`, `30/minute`, `1000/hour` or `9/day`.

    Raises:
        ValueError: it has another form.
    """
    match = _RATE.fullmatch(text)
    if not match:
        raise ValueError("must be like 30/minute or 5/second, or off")
    return Rate(int(match[1]), _SPANS_S[match[2]], text)


class Kind(StrEnum):
    """The table of a counter."""

    CLIENT = "client"
    OVERALL = "overall"
    OVERALL_SHARE = "overall_share"
    PRICE = "price"
    PRICE_SHARE = "price_share"


@dataclass(frozen=True, slots=True)
class Rule:
    """A counter that must have room for a request.

    If `share` is 0, fewer than `amount` fit. Otherwise `amount` is the shared limit's, whose rule
    is at index `total` of the same list, and this network may use `share` times the room left
    there.
    """

    kind: Kind
    who: str
    window_s: int
    amount: int
    share: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class Counted:
    """A counter's current fixed window, the previous one, and how much of this one has passed.

    `part` goes from 0 to 1. The sum is a sliding window: the previous window counts in proportion
    to its part that is still in range, as if its requests had come evenly.
    """

    current: int
    previous: int
    part: float

    @property
    def sum(self) -> float:
        """Requests in the sliding window."""
        return self.current + self.previous * (1 - self.part)


@dataclass(frozen=True, slots=True)
class Refusal:
    """The rule that has no room, and the seconds until it may have some."""

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
    overall: Rate | None, per_price: Rate | None, *, client: str | None, prices: Collection[str]
) -> list[Rule]:
    """The counters that all clients share, each followed by this client's shares of it.

    None is the shop's own server, which has no share: it would be the network that used most, and
    be refused first, although its carts are those of many buyers.
    """
    rules: list[Rule] = []
    networks = () if client is None else networks_of(client)
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
    """Return a refusal by the first rule without room, or None if all have room."""
    for rule, counted in zip(rules, counts, strict=True):
        fewer_than = _room(rule, counts[rule.total])
        if counted.sum >= fewer_than:
            return refusal(rule, counted, fewer_than)
    return None


def _room(rule: Rule, total: Counted) -> float:
    """Return the sum that a counter must stay below.

    The network that used most is refused first: its room depends on what is left for all. A network
    that used nothing is refused only if nothing is left.
    """
    if not rule.share:
        return rule.amount
    left = rule.amount - total.sum
    return math.inf if left > rule.amount // RESERVE_PART else rule.share * left


def refusal(rule: Rule, counted: Counted, fewer_than: float) -> Refusal:
    """Return the seconds until the counter's sum falls below `fewer_than`, if nothing is added.

    Within the window, only the previous one's part shrinks; after its end, this one's does.
    """
    current, previous, left_part = counted.current, counted.previous, 1 - counted.part
    if current < fewer_than:
        wait_part = left_part - (fewer_than - current) / previous
    else:
        wait_part = left_part + (1 - fewer_than / current)
    seconds = math.ceil(wait_part * rule.window_s)
    return Refusal(rule, min(max(1, seconds), rule.window_s))
