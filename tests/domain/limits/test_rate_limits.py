"""Which counters apply to a request, and who is refused when a shared limit is nearly full."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.limits.rate_limits import (
    Counted,
    Kind,
    Rate,
    Rule,
    cart_rules,
    client_rules,
    judge,
    parse_rate,
)

RATE = Rate(30, 60, "30/minute")
SHARED = Rate(100, 60, "100/minute")


@pytest.mark.parametrize(
    ("text", "amount", "window_s"),
    [("5/second", 5, 1), ("30/minute", 30, 60), ("2 per hour", 2, 3600), ("9/days", 9, 86_400)],
)
def test_a_rate_is_a_number_and_a_span(text: str, amount: int, window_s: int) -> None:
    assert parse_rate(text) == Rate(amount, window_s, text)


@pytest.mark.parametrize("text", ["", "30", "0/minute", "-1/minute", "30/year", "many/day", "on"])
def test_anything_else_is_no_rate(text: str) -> None:
    with pytest.raises(ValueError, match="must be like 30/minute"):
        parse_rate(text)


def test_a_client_is_limited_by_itself_and_its_networks_by_multiples() -> None:
    ipv6 = client_rules(RATE, "2001:db8:1:2::/64")
    ipv4 = client_rules(RATE, "192.0.2.1")

    assert [(rule.who, rule.amount) for rule in ipv6] == [
        ("2001:db8:1:2::/64", 30),
        ("2001:db8:1::/56", 120),
        ("2001:db8:1::/48", 480),
    ]
    assert [(rule.who, rule.amount) for rule in ipv4] == [("192.0.2.1", 30), ("192.0.2.0/24", 240)]
    assert client_rules(RATE, "unknown") == [Rule(Kind.CLIENT, "unknown", 60, 30)]


def test_a_shared_limit_is_followed_by_the_shares_of_the_clients_networks() -> None:
    rules = cart_rules(SHARED, RATE, client="2001:db8:1:2::/64", prices=["price_A"])

    assert [(rule.kind, rule.who, rule.share, rule.total) for rule in rules] == [
        (Kind.OVERALL, "", 0, 0),
        (Kind.OVERALL_SHARE, " 2001:db8:1::/56", 1, 0),
        (Kind.OVERALL_SHARE, " 2001:db8:1::/48", 2, 0),
        (Kind.PRICE, "price_A", 0, 0),
        (Kind.PRICE_SHARE, "price_A 2001:db8:1::/56", 1, 3),
        (Kind.PRICE_SHARE, "price_A 2001:db8:1::/48", 2, 3),
    ]
    assert cart_rules(None, None, client="192.0.2.1", prices=["price_A"]) == []


def test_the_shops_own_server_has_no_share() -> None:
    rules = cart_rules(SHARED, RATE, client=None, prices=["price_A", "price_B"])

    assert [(rule.kind, rule.who, rule.share) for rule in rules] == [
        (Kind.OVERALL, "", 0),
        (Kind.PRICE, "price_A", 0),
        (Kind.PRICE, "price_B", 0),
    ]


def is_refused(*, total: int, taken: int, neighbors: int = 0) -> bool:
    """Whether an address is refused that took `taken`, and its /24 `neighbors` beside it."""
    rules = cart_rules(SHARED, None, client="192.0.2.1", prices=["price_A"])
    counts = [Counted(count, 0, 0.5) for count in (total, taken, taken + neighbors)]
    return judge(rules, counts) is not None


def test_three_quarters_of_a_shared_limit_are_anybodys() -> None:
    assert not is_refused(total=74, taken=74)
    assert is_refused(total=75, taken=75)


def test_of_the_last_quarter_a_network_may_hold_what_is_left() -> None:
    assert not is_refused(total=90, taken=9)
    assert is_refused(total=90, taken=10)


def test_a_network_that_took_nothing_is_refused_only_when_nothing_is_left() -> None:
    assert not is_refused(total=99, taken=0)
    assert is_refused(total=100, taken=0)


def test_a_neighbor_of_strangers_is_refused_with_them() -> None:
    assert not is_refused(total=90, taken=0, neighbors=19)
    assert is_refused(total=90, taken=0, neighbors=20)


@given(total=st.integers(0, 100), more=st.integers(0, 100), less=st.integers(0, 100))
def test_the_network_that_used_most_is_refused_first(total: int, more: int, less: int) -> None:
    less, more = sorted((less, more))

    if is_refused(total=total, taken=less):
        assert is_refused(total=total, taken=more)


@given(
    amount=st.integers(1, 50),
    current=st.integers(0, 60),
    previous=st.integers(0, 60),
    part=st.floats(0, 0.999),
)
def test_after_the_announced_wait_there_is_room(
    amount: int, current: int, previous: int, part: float
) -> None:
    rule = Rule(Kind.CLIENT, "192.0.2.1", 60, amount)
    refused = judge([rule], [Counted(current, previous, part)])
    if refused is None or current > amount:
        return

    at = part + (refused.retry_after_s + 0.001) / 60
    later = Counted(current, previous, at) if at < 1 else Counted(0, current, min(at - 1, 1.0))

    assert 1 <= refused.retry_after_s <= 60
    assert judge([rule], [later]) is None


def test_a_limit_that_overflowed_says_to_wait_for_a_whole_window() -> None:
    refused = judge([Rule(Kind.CLIENT, "a", 60, 1)], [Counted(500, 0, 0.0)])

    assert refused is not None
    assert refused.retry_after_s == 60


def test_every_client_has_a_share_of_a_shared_limit() -> None:
    def shares(client: str) -> list[tuple[str, int]]:
        rules = cart_rules(SHARED, None, client=client, prices=[])
        return [(rule.who, rule.share) for rule in rules[1:]]

    assert shares("192.0.2.1") == [(" 192.0.2.1", 1), (" 192.0.2.0/24", 2)]
    assert shares("unknown") == [(" unknown", 1)]


@pytest.mark.parametrize(
    ("part", "wait_s"), [(0.0, 30), (0.4, 6), (0.49, 1), (0.4999, 1), (0.5, 1)]
)
def test_it_is_said_how_long_to_wait_in_whole_seconds(part: float, wait_s: int) -> None:
    """Of ten in the previous window, five are left after half of this one."""
    refused = judge([Rule(Kind.CLIENT, "a", 60, 5)], [Counted(0, 10, part)])

    assert refused is not None
    assert refused.retry_after_s == wait_s


@pytest.mark.parametrize(
    ("current", "part", "wait_s"), [(10, 0.5, 30), (12, 0.5, 40), (20, 0.5, 60), (12, 0.9, 16)]
)
def test_what_this_window_has_too_much_fades_in_the_next(
    current: int, part: float, wait_s: int
) -> None:
    """Ten fit. Of twelve, ten are left after a sixth of the next window."""
    refused = judge([Rule(Kind.CLIENT, "a", 60, 10)], [Counted(current, 7, part)])

    assert refused is not None
    assert refused.retry_after_s == wait_s
