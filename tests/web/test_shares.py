"""Nobody takes all: whatever others hold, something stays free for who holds nothing."""

import ipaddress
import resource
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.web.errors import OverloadedError
from app.web.http.body_budget import BodyLease
from app.web.http.connections import (
    FEWEST,
    KEPT_FOR_WEBHOOKS,
    TURNED_AWAY_MAX,
    Admission,
    Connections,
    connections_max,
)
from app.web.http.shares import Shares


def test_one_party_alone_gets_half() -> None:
    shares = Shares(100)

    taken = [shares.take("stranger") for _ in range(100)]

    assert (sum(taken), shares.used) == (50, 50)


def test_beside_many_who_take_all_they_can_there_is_room_for_one_more() -> None:
    shares = Shares(1000)
    for _ in range(1000):
        for stranger in range(9):
            shares.take(str(stranger))

    assert shares.take("buyer")
    assert shares.capacity - shares.used > 50


@given(st.lists(st.tuples(st.booleans(), st.sampled_from("abc"), st.integers(1, 40)), max_size=60))
def test_what_is_given_back_is_free_again(acts: Sequence[tuple[bool, str, int]]) -> None:
    shares = Shares(100, of_one=60)
    held: list[tuple[str, int]] = []
    for gives_back, party, amount in acts:
        if gives_back and held:
            shares.give_back(*held.pop())
        elif shares.take(party, amount):
            held.append((party, amount))
        assert shares.used == sum(amount for _, amount in held) <= 100
        assert all(shares.held_by(each) <= 60 for each in "abc")
    for party, amount in held:
        shares.give_back(party, amount)
    assert shares.take("other", 60)


def test_a_body_that_comes_in_parts_needs_a_share_of_its_client() -> None:
    shares = Shares(100)
    with BodyLease(shares, lambda: "stranger") as lease:
        lease.hold_part(40)
        lease.hold_part(30)
        lease.hold_whole(45)
        assert shares.held_by("stranger") == 45
        with BodyLease(shares, lambda: "stranger") as second, pytest.raises(OverloadedError):
            second.hold_part(20)
        with BodyLease(shares, lambda: "stripe") as stripes:
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


def test_a_peer_has_so_many_connections_and_another_has_its_own() -> None:
    connections = Connections(in_all=100, of_peer=3)

    admitted = [connections.admit("192.0.2.1") for _ in range(5)]

    assert [each for each, _ in admitted] == [Admission.ALL] * 3 + [Admission.HEARS_WHY] * 2
    assert connections.admit("192.0.2.2")[0] is Admission.ALL
    assert (connections.open, connections.turned_away) == (6, 2)
    for each in admitted:
        connections.leave(*each)
    assert connections.open == 1


def test_an_ipv6_household_is_one_peer() -> None:
    connections = Connections(in_all=100, of_peer=1)

    admitted = [connections.admit(f"2001:db8::{number}")[0] for number in (1, 2)]

    assert admitted == [Admission.ALL, Admission.HEARS_WHY]


def test_when_all_are_taken_webhooks_alone_are_still_heard() -> None:
    connections = Connections(in_all=2)
    admitted = [connections.admit(f"192.0.2.{number}")[0] for number in range(4)]

    assert admitted == [Admission.ALL, Admission.ALL, Admission.WEBHOOKS, Admission.WEBHOOKS]
    assert connections.admit(None)[0] is Admission.WEBHOOKS


def test_beyond_all_some_hear_why_and_the_rest_are_closed() -> None:
    connections = Connections(in_all=1)
    admitted = [connections.admit(None) for _ in range(1 + KEPT_FOR_WEBHOOKS + TURNED_AWAY_MAX + 1)]

    assert admitted[-2][0] is Admission.HEARS_WHY
    assert admitted[-1][0] is Admission.NOTHING
    for each in admitted:
        connections.leave(*each)
    assert connections.open == 0


def test_a_trusted_proxy_is_held_to_the_whole_alone() -> None:

    connections = Connections(
        trusted_proxies=[ipaddress.ip_network("10.0.0.0/8")], in_all=100, of_peer=3
    )

    assert {connections.admit("10.1.2.3")[0] for _ in range(100)} == {Admission.ALL}


def test_some_files_are_kept_back() -> None:

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)

    assert FEWEST <= connections_max() <= max(FEWEST, soft - 512)
