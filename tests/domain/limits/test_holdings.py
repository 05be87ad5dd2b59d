"""Holdings of clients and their networks are counted correctly."""

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.limits.holdings import WHOLE, Holdings
from app.domain.limits.networks import NETWORK_MULTIPLES, networks_of

CLIENTS = [
    "192.0.2.1",
    "192.0.2.2",
    "198.51.100.1",
    "2001:db8:1:1::/64",
    "2001:db8:1:2::/64",
    "2001:db8:1:100::/64",
    "2001:db8:2:1::/64",
    "unknown",
    None,
]
Held = list[tuple[str | None, int]]


def networks(client: str | None) -> tuple[str, ...]:
    return (*(networks_of(client) if client else ()), WHOLE)


def siblings(network: str, held: Held) -> Counter[str]:
    """How much the next smaller networks in this one hold."""
    chains = (networks(client) for client, _ in held)
    return Counter(chain[chain.index(network) - 1] for chain in chains if network in chain[1:])


def filled(*clients: str | None) -> Holdings[int]:
    holdings = Holdings[int](in_all=100, of_client=100)
    for number, client in enumerate(clients):
        holdings.add(client, number)
    return holdings


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(CLIENTS)), max_size=80))
def test_all_sums_and_limits_hold(acts: Sequence[tuple[bool, str | None]]) -> None:
    holdings = Holdings[int](in_all=12, of_client=2)
    held: Held = []
    for number, (leaves, client) in enumerate(acts):
        if leaves and held:
            holdings.remove(*held.pop(number % len(held)))
        elif holdings.full_network(client) is None:
            holdings.add(client, number)
            held.append((client, number))
        sizes = Counter(network for each, _ in held for network in networks(each))
        for each in CLIENTS:
            assert [holdings.held_in(name) for name in networks(each)] == [
                sizes[name] for name in networks(each)
            ]
            around = networks(each)[:-1]
            for name, multiple in zip(around, NETWORK_MULTIPLES[len(around)], strict=True):
                assert sizes[name] <= 2 * multiple
        assert sizes[WHOLE] <= 12


@given(
    st.lists(st.sampled_from(CLIENTS), min_size=1, max_size=30),
    st.sampled_from(CLIENTS),
)
def test_the_oldest_of_the_largest_gives_way(
    clients: list[str | None], newcomer: str | None
) -> None:
    held: Held = [(client, number) for number, client in enumerate(clients)]
    mine = networks(newcomer)

    found = filled(*clients).giver(newcomer, WHOLE)

    if found is None:
        outermost = siblings(WHOLE, [each for each in held if each[0]])
        own = outermost[mine[-2]] if newcomer else 0
        assert max(outermost.values(), default=0) <= own + 1
        return
    client, number = found
    assert number == min(each for name, each in held if name == client)
    given_up = networks(client)
    common = next(name for name in given_up if name in mine)
    beside = siblings(common, [each for each in held if each[0]])
    given_by = given_up[given_up.index(common) - 1]
    own = 0 if newcomer is None else beside[mine[mine.index(common) - 1]]
    assert beside[given_by] == max(beside.values()) > own + 1


def test_within_a_full_network_the_client_with_most_gives_way() -> None:
    holdings = filled("192.0.2.1", "192.0.2.2", "192.0.2.2", *["198.51.100.1"] * 9)

    assert holdings.giver("192.0.2.3", "192.0.2.0/24") == ("192.0.2.2", 1)


def test_a_client_that_is_full_itself_gets_nothing() -> None:
    holdings = filled(*["192.0.2.1"] * 3, *["192.0.2.2"] * 9)

    assert holdings.giver("192.0.2.1", "192.0.2.1") is None


@pytest.mark.parametrize("beyond", [0, 1])
def test_what_holds_as_much_as_it_may_or_more_is_full(beyond: int) -> None:
    whole = Holdings[int](in_all=3, of_client=100)
    client = Holdings[int](in_all=100, of_client=3)
    for number in range(3 + beyond):
        assert whole.full_network("192.0.2.1") is (None if number < 3 else WHOLE)
        assert client.full_network("192.0.2.1") == (None if number < 3 else "192.0.2.1")
        whole.add("192.0.2.1", number)
        client.add("192.0.2.1", number)

    assert whole.full_network("192.0.2.1") == whole.full_network(None) == WHOLE
    assert client.full_network("192.0.2.1") == "192.0.2.1"
    assert client.full_network("192.0.2.2") is client.full_network(None) is None


@pytest.mark.parametrize(("more", "gives"), [(1, False), (2, True)])
def test_a_client_gives_up_something_only_if_it_holds_two_more(more: int, *, gives: bool) -> None:
    held = 2
    neighbor = filled(*["192.0.2.1"] * held, *["192.0.2.2"] * (held + more))
    stranger = filled(*["192.0.2.1"] * held, *["198.51.100.1"] * (held + more))

    giver = neighbor.giver("192.0.2.1", "192.0.2.0/24")
    assert giver == (("192.0.2.2", held) if gives else None)
    assert stranger.giver("192.0.2.1", WHOLE) == (("198.51.100.1", held) if gives else None)


def test_the_largest_is_known_after_it_has_shrunk() -> None:
    holdings = filled(*["192.0.2.1"] * 4, *["198.51.100.1"] * 3)
    for number in (0, 1):
        holdings.remove("192.0.2.1", number)
    assert holdings.giver(None, WHOLE) == ("198.51.100.1", 4)

    for number in (4, 5, 6):
        holdings.remove("198.51.100.1", number)
    assert holdings.giver(None, WHOLE) == ("192.0.2.1", 2)

    for number in (2, 3):
        holdings.remove("192.0.2.1", number)
    assert holdings.giver(None, WHOLE) is None
    assert holdings.held_in(WHOLE) == 0
