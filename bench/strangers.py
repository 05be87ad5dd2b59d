"""Simulates attackers' networks that start all checkouts they can, and a shop's buyers.

Run `python -m bench.strangers`; docs/limits.md has its output. Without network or waiting, it
uses the service's rules and counters with a simulated clock, so every run prints the same.
"""

import asyncio
import random
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from app.adapters.counters import MemoryCounters
from app.domain.limits.rate_limits import Rule, cart_rules, client_rules, parse_rate

PER_CLIENT: Final = parse_rate("30/minute")
PER_PRICE: Final = parse_rate("600/minute")
OVERALL: Final = parse_rate("3000/minute")
MINUTES: Final = 4
STRANGER_EVERY_S: Final = 0.5  # each network's requests
BUYERS: Final = 100

Clients = Callable[[int, int], str]
"""Return the client of a network's n-th request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What buyers and attackers got."""

    buyers: int
    buyers_refused: int
    pages_a_minute: float


SCENARIOS: Final[dict[str, tuple[int, Clients]]] = {
    "one IPv6 /56": (1, lambda network, n: f"2001:db8:{network:x}:{n % 256:x}::/64"),
    "10 IPv6 /56": (10, lambda network, n: f"2001:db8:{network:x}:{n % 256:x}::/64"),
    "10 IPv6 /48": (
        10,
        lambda network, n: f"2001:db8:{network:x}:{n % 65536 * 257 % 65536:x}::/64",
    ),
    "20 IPv4 addresses": (20, lambda network, _: f"198.51.{network}.7"),
    "10 IPv4 /24": (10, lambda network, n: f"198.51.{network}.{n % 256}"),
    "100 IPv4 addresses": (100, lambda network, _: f"198.51.{network}.7"),
}


def as_before(rules: list[Rule]) -> list[Rule]:
    """Separate limits for each client, and shared limits that are first come, first served."""
    return [rules[0], *(rule for rule in rules[1:] if not rule.share and rule.kind != "client")]


async def simulate(
    networks: int, client_of: Clients, *, minutes: int = MINUTES, with_shares: bool = True
) -> Outcome:
    """Simulate attackers in this many networks, and buyers who come at random, once each."""
    now_s = 0.0
    counters = MemoryCounters(clock_s=lambda: now_s)

    async def passes(client: str) -> bool:
        own = client_rules(PER_CLIENT, client)
        shared = cart_rules(OVERALL, PER_PRICE, client=client, prices=["price_A"])
        for rules in (own, shared):
            if await counters.take(rules if with_shares else as_before(rules)):
                return False
        return True

    pages, refused = 0, 0
    for at_s, network, number in _arrivals(networks, minutes):
        now_s = at_s
        if network < 0:
            refused += not await passes(f"203.{number // 250}.{number % 250}.9")
        else:
            pages += await passes(client_of(network, number))
    return Outcome(buyers=BUYERS, buyers_refused=refused, pages_a_minute=pages / minutes)


def _arrivals(networks: int, minutes: int) -> list[tuple[float, int, int]]:
    """Yield the time, the network (-1: a buyer), and the number of its request."""
    dice = random.Random(4)  # noqa: S311 no secret; the same in every run
    rounds = int(minutes * 60 / STRANGER_EVERY_S)
    strangers = [
        ((number + network / networks) * STRANGER_EVERY_S, network, number)
        for number in range(rounds)
        for network in range(networks)
    ]
    buyers = [(dice.uniform(5, minutes * 60), -1, number) for number in range(BUYERS)]
    return sorted(strangers + buyers)


async def table() -> list[str]:
    """Print the rows of docs/limits.md."""
    rows = []
    for name, (networks, client_of) in SCENARIOS.items():
        before = await simulate(networks, client_of, with_shares=False)
        after = await simulate(networks, client_of)
        rows.append(
            f"| {name} | {before.buyers_refused} of {BUYERS} | {before.pages_a_minute:.0f} "
            f"| {after.buyers_refused} of {BUYERS} | {after.pages_a_minute:.0f} |"
        )
    return rows


if __name__ == "__main__":
    sys.stdout.write("\n".join(asyncio.run(table())) + "\n")
