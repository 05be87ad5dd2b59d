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
