"""Nobody can take everything: something stays free for those who hold nothing."""

import ipaddress
import resource
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.limits.networks import networks_of
from app.web.errors import OverloadedError
from app.web.http.body_budget import BodyLease
from app.web.http.connections import (
    FEWEST,
    KEPT_FOR_WEBHOOKS,
    LEAVING_MAX,
    Admission,
    Connections,
    Outcome,
    connections_max,
)
from app.web.http.shares import Shares

STRANGER = "192.0.2.1"


def test_one_party_alone_gets_half() -> None:
    shares = Shares(100)

    taken = [shares.take(["stranger"]) for _ in range(100)]

    assert (sum(taken), shares.used) == (50, 50)


def test_beside_many_who_take_all_they_can_there_is_room_for_one_more() -> None:
    shares = Shares(1000)
    for _ in range(1000):
        for stranger in range(9):
            shares.take([str(stranger)])

    assert shares.take(["buyer"])
    assert shares.capacity - shares.used > 50


PARTIES = [("a", "network"), ("b", "network"), ("c",), ()]


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(PARTIES), st.integers(1, 40))))
def test_what_is_given_back_is_free_again(
    acts: Sequence[tuple[bool, tuple[str, ...], int]],
) -> None:
    shares = Shares(100)
    held: list[tuple[tuple[str, ...], int]] = []
    for gives_back, parties, amount in acts:
        if gives_back and held:
            shares.give_back(*held.pop())
        elif shares.take(parties, amount):
            held.append((parties, amount))
        assert shares.used == sum(amount for _, amount in held) <= 100
        for party in ("a", "b", "c", "network"):
            assert shares.held_by(party) <= (100 + 40) / 2  # half, and half of the last amount
    for parties, amount in held:
        shares.give_back(parties, amount)
    assert shares.take([], 100)


def test_a_network_of_a_thousand_clients_gets_half() -> None:
    shares = Shares(1000)

    for number in range(1000):
        shares.take(networks_of(f"2001:db8:7:{number:x}::/64"))

    assert shares.used == 500


def test_a_body_that_comes_in_parts_needs_a_share_of_its_client() -> None:
    shares = Shares(100)
    with BodyLease(shares, lambda: STRANGER) as lease:
        lease.hold_part(40)
        lease.hold_part(30)
        lease.hold_whole(45)
        assert shares.held_by(STRANGER) == 45
        with BodyLease(shares, lambda: STRANGER) as second, pytest.raises(OverloadedError):
            second.hold_part(20)
        with BodyLease(shares, lambda: "198.51.100.7") as stripes:
            stripes.hold_part(40)

    assert shares.used == 0


def test_a_body_that_came_whole_needs_room_alone() -> None:
    shares = Shares(100)
    with BodyLease(shares, lambda: "never asked") as lease:
        lease.hold_whole(90)
        with BodyLease(shares, lambda: "never asked") as second, pytest.raises(OverloadedError):
            second.hold_whole(20)
        assert shares.used == 90

    assert shares.used == 0


def outcomes_of(connections: Connections) -> list[Outcome]:
    """What becomes of its connections from now on."""
    outcomes: list[Outcome] = []
    connections.report_outcomes_to(outcomes.append)
    return outcomes


def admissions(connections: Connections, *peers: str | None) -> list[Admission]:
    return [connections.admit(peer).admission for peer in peers]


def test_a_peer_has_so_many_connections_and_another_has_its_own() -> None:
    connections = Connections(in_all=100, of_peer=3)
    outcomes = outcomes_of(connections)

    admitted = [connections.admit("192.0.2.1") for _ in range(5)]

    assert [each.admission for each in admitted] == [Admission.ALL] * 3 + [Admission.LEAVES] * 2
    assert admissions(connections, "192.0.2.2") == [Admission.ALL]
    assert connections.open == 6
    assert outcomes.count(Outcome.ADMITTED) == 4
    assert outcomes.count(Outcome.REFUSED_CLIENT) == 2
    for each in admitted:
        connections.leave(each)
    assert connections.open == 1


def test_an_ipv6_household_is_one_peer() -> None:
    connections = Connections(in_all=100, of_peer=1)

    assert admissions(connections, "2001:db8::1", "2001:db8::2") == [
        Admission.ALL,
        Admission.LEAVES,
    ]


def test_a_network_of_many_peers_has_a_multiple_and_shares_it_out() -> None:
    connections = Connections(in_all=100, of_peer=2)
    gave_way: list[str] = []
    peers = [f"2001:db8:7:{number}::1" for number in (1, 1, 2, 2, 3, 3, 4, 4)]  # one /56
    for peer in peers:
        connections.admit(peer, lambda _, peer=peer: gave_way.append(peer))  # type: ignore[misc]

    assert admissions(connections, "2001:db8:7:5::1", "2001:db8:8:5::1") == [Admission.ALL] * 2
    assert gave_way == peers[:1]
    assert connections.open == 10  # nine, and one that gets its last answer


def test_among_equals_a_networks_surplus_is_refused_and_gets_nothing_of_stripes() -> None:
    connections = Connections(in_all=8, of_peer=1)
    outcomes = outcomes_of(connections)
    admissions(connections, *(f"192.0.2.{number}" for number in range(8)))

    assert admissions(connections, "192.0.2.8") == [Admission.LEAVES]
    assert outcomes.count(Outcome.REFUSED_NETWORK) == 1


def test_when_all_are_taken_one_each_a_new_network_gets_one_of_the_largest() -> None:
    connections = Connections(in_all=5)
    outcomes = outcomes_of(connections)
    gave_way: list[tuple[str, bool]] = []
    for number, peer in enumerate(["192.0.2.1", "198.51.100.1", "198.51.100.2", "203.0.113.1"]):
        connections.admit(peer, lambda in_time, peer=peer: gave_way.append((peer, in_time)))  # type: ignore[misc]
        assert connections.open == number + 1

    assert admissions(connections, None, "10.0.0.1") == [Admission.ALL] * 2
    assert gave_way == [("198.51.100.1", True)]
    assert outcomes.count(Outcome.GAVE_WAY) == 1


def test_for_a_proxy_too_the_largest_gives_way() -> None:
    connections = Connections(in_all=2)

    assert admissions(connections, "192.0.2.1", "192.0.2.2", None) == [Admission.ALL] * 3


def test_if_too_many_are_closing_a_connection_that_gives_way_closes_at_once() -> None:
    connections = Connections(in_all=100, of_peer=1)
    admissions(connections, *["192.0.2.1"] * (1 + LEAVING_MAX))
    in_time: list[bool] = []
    stranger = connections.admit("198.51.100.1", in_time.append)
    for number in range(2, 100):
        connections.admit(f"198.51.{number // 8}.{number}", in_time.append)

    connections.admit("203.0.113.1")

    assert in_time == [False]
    assert stranger.admission in {Admission.ALL, Admission.NOTHING}


def test_when_all_are_taken_by_equals_webhooks_alone_are_still_heard() -> None:
    connections = Connections(in_all=2)
    outcomes = outcomes_of(connections)

    assert admissions(connections, "192.0.2.1", "192.0.3.1", "192.0.4.1", None) == [
        Admission.ALL,
        Admission.ALL,
        Admission.WEBHOOKS,
        Admission.WEBHOOKS,
    ]
    assert outcomes.count(Outcome.WEBHOOKS_ALONE) == 2


def test_above_the_limit_some_get_the_reason_and_the_rest_are_closed() -> None:
    connections = Connections(in_all=1)
    outcomes = outcomes_of(connections)
    admitted = [connections.admit(None) for _ in range(1 + KEPT_FOR_WEBHOOKS + LEAVING_MAX + 1)]

    assert [each.admission for each in admitted[-2:]] == [Admission.LEAVES, Admission.NOTHING]
    assert outcomes.count(Outcome.REFUSED_ALL) == LEAVING_MAX + 1
    for each in admitted:
        connections.leave(each)
    assert connections.open == 0


def test_a_trusted_proxy_is_held_to_the_whole_alone() -> None:
    connections = Connections(
        trusted_proxies=[ipaddress.ip_network("10.0.0.0/8")], in_all=100, of_peer=3
    )

    assert set(admissions(connections, *["10.1.2.3"] * 100)) == {Admission.ALL}


def test_some_files_are_kept_back() -> None:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)

    assert FEWEST <= connections_max() <= max(FEWEST, soft - 512)
