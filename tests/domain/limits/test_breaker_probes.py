"""The half-open circuit breaker lets one probe through at a time."""

import pytest

from app.domain.limits.breaker import (
    OPEN_S,
    PROBE_WITH_ANY_AFTER_S,
    Permit,
    Refused,
    State,
    Verdict,
)
from app.domain.limits.breaker_evidence import FAILURES_MIN
from tests.support.breaker_carts import Shop, cart


def test_half_open_it_lets_one_call_through_at_a_time() -> None:
    shop = Shop("price_A")
    shop.open_it()
    shop.now_s += OPEN_S

    probe = shop.ask(cart("price_A"))
    others = [shop.ask(cart("price_A")) for _ in range(3)]

    assert isinstance(probe, Permit)
    assert [type(other) for other in others] == [Refused] * 3
    assert shop.state is State.HALF_OPEN


@pytest.mark.parametrize(
    ("verdict", "state"),
    [
        (Verdict.WORKED, State.CLOSED),
        (Verdict.ANSWERED, State.CLOSED),
        (Verdict.FAILED, State.OPEN),
        (Verdict.UNREACHABLE, State.OPEN),
        (Verdict.NONE, State.HALF_OPEN),
    ],
)
def test_a_probe_decides_unless_nobody_waited_for_it(verdict: Verdict, state: State) -> None:
    shop = Shop("price_A")
    shop.open_it()
    shop.now_s += OPEN_S

    assert shop.buy(verdict)

    assert shop.state is state


def test_while_it_is_open_it_says_for_how_long() -> None:
    shop = Shop("price_A")
    shop.open_it()
    shop.now_s += 3.5

    assert shop.ask(cart("price_A")) == Refused("the circuit breaker is open", 7)


def test_an_unknown_cart_may_probe_when_no_known_one_comes() -> None:
    shop = Shop("price_A")
    shop.open_it()
    shop.now_s += OPEN_S
    assert not shop.buy(Verdict.WORKED, cart("price_new"))

    shop.now_s += PROBE_WITH_ANY_AFTER_S

    assert shop.buy(Verdict.WORKED, cart("price_new"))
    assert shop.state is State.CLOSED


def test_before_anything_has_worked_any_cart_may_probe() -> None:
    shop = Shop()
    shop.open_it()
    shop.now_s += OPEN_S

    assert shop.buy(Verdict.WORKED, cart("price_new"))


def test_a_call_from_before_says_nothing_about_the_present() -> None:
    shop = Shop("price_A")
    early = shop.ask(cart("price_A"))
    assert isinstance(early, Permit)
    shop.open_it()

    shop.breaker.report(early, Verdict.FAILED, shop.now_s)
    shop.now_s += OPEN_S
    shop.buy(Verdict.NONE)
    shop.breaker.report(early, Verdict.WORKED, shop.now_s)

    assert shop.state is State.HALF_OPEN


def test_failures_of_calls_from_before_an_outage_cannot_open_it_again() -> None:
    shop = Shop("price_A", "price_B")
    early = [shop.ask(cart(price)) for price in ("price_A", "price_B") for _ in range(FAILURES_MIN)]
    shop.open_it()
    shop.now_s += OPEN_S
    assert shop.buy(Verdict.WORKED)
    states = list(shop.states)

    for permit in early:
        assert isinstance(permit, Permit)
        shop.breaker.report(permit, Verdict.FAILED, shop.now_s)
        shop.breaker.report(permit, Verdict.UNREACHABLE, shop.now_s)

    assert shop.states == states
    assert shop.state is State.CLOSED


def test_each_change_of_state_is_told_once_in_order() -> None:
    shop = Shop("price_A")
    for verdict in (Verdict.FAILED, Verdict.WORKED):
        if shop.state is State.CLOSED:
            shop.open_it()
        shop.now_s += OPEN_S
        shop.buy(verdict)

    assert shop.states == [
        State.CLOSED,
        State.OPEN,
        State.HALF_OPEN,
        State.OPEN,
        State.HALF_OPEN,
        State.CLOSED,
    ]


@pytest.mark.parametrize(
    ("passed_s", "may"),
    [(OPEN_S - 0.5, False), (OPEN_S, True), (OPEN_S + 0.5, True)],
)
def test_a_known_cart_may_probe_when_it_has_been_open_long_enough(
    passed_s: float, *, may: bool
) -> None:
    shop = Shop("price_A")
    shop.open_it()

    shop.now_s += passed_s

    assert isinstance(shop.ask(cart("price_A")), Permit) is may


@pytest.mark.parametrize(
    ("waited_s", "may"),
    [
        (PROBE_WITH_ANY_AFTER_S - 0.5, False),
        (PROBE_WITH_ANY_AFTER_S, True),
        (PROBE_WITH_ANY_AFTER_S + 0.5, True),
    ],
)
def test_an_unknown_cart_waits_longer(waited_s: float, *, may: bool) -> None:
    shop = Shop("price_A")
    shop.open_it()

    shop.now_s += OPEN_S + waited_s

    assert isinstance(shop.ask(cart("price_new")), Permit) is may


def test_after_a_probe_that_nobody_waited_for_the_next_may_probe() -> None:
    shop = Shop("price_A")
    shop.open_it()
    shop.now_s += OPEN_S
    assert shop.buy(Verdict.NONE)

    assert shop.buy(Verdict.WORKED)
    assert shop.state is State.CLOSED


def test_what_is_refused_while_it_is_half_open_may_come_again_in_a_second() -> None:
    shop = Shop("price_A")
    shop.open_it()
    shop.now_s += OPEN_S + 3
    assert isinstance(shop.ask(cart("price_A")), Permit)

    assert shop.ask(cart("price_A")) == Refused("the circuit breaker is open", 1)
