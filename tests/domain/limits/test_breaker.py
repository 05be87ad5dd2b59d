"""The circuit breaker's rules, with a simulated clock."""

import ipaddress

from hypothesis import given
from hypothesis import strategies as st

from app.domain.checkout.cart import Cart
from app.domain.limits.breaker import (
    OPEN_S,
    Permit,
    Refused,
    State,
    Verdict,
)
from app.domain.limits.breaker_evidence import (
    FAILURES_MIN,
    HOUSEHOLD_FAILURES_MAX,
    HOUSEHOLDS_MIN,
    KNOWN_MAX,
    WINDOW_PAIRS,
    WINDOW_S,
    KnownCarts,
)
from tests.support.breaker_carts import USUAL, Shop, cart

STRANGER = "198.51.100.66"


def test_an_outage_opens_it_after_a_few_buyers_though_much_worked_before() -> None:
    shop = Shop("price_A", "price_B")
    for _ in range(WINDOW_PAIRS):
        shop.buy(Verdict.WORKED)

    for number in range(FAILURES_MIN):
        shop.buy(Verdict.FAILED, cart("price_A" if number % 2 else "price_B"))

    assert shop.state is State.OPEN


def test_an_outage_of_a_shop_with_one_price_opens_it() -> None:
    shop = Shop("price_A")

    for _ in range(FAILURES_MIN):
        shop.buy(Verdict.FAILED)

    assert shop.state is State.OPEN


def test_a_price_that_fails_for_everybody_is_blocked_while_another_is_sold() -> None:
    shop = Shop("price_A", "price_B")

    for _ in range(FAILURES_MIN):
        shop.buy(Verdict.FAILED, cart("price_A"))
        shop.buy(Verdict.WORKED, cart("price_B"))

    assert shop.state is State.CLOSED
    assert isinstance(shop.ask(cart("price_A")), Refused)
    assert shop.buy(Verdict.WORKED, cart("price_B"))


def test_failures_long_ago_are_no_outage() -> None:
    shop = Shop("price_A")

    for _ in range(2 * FAILURES_MIN):
        shop.buy(Verdict.FAILED)
        shop.buy(Verdict.UNREACHABLE)
        shop.now_s += WINDOW_S / 4 + 1

    assert shop.state is State.CLOSED


def test_a_household_with_a_whole_56_is_one_household() -> None:
    """At a cold start, when several must fail."""
    shop = Shop()

    for number in range(4 * FAILURES_MIN):
        shop.buy(Verdict.FAILED, cart(f"price_{number}"), f"2001:db8:0:{number:x}::/64")

    assert shop.state is State.CLOSED


def test_what_failed_before_anything_worked_counts_no_more_once_something_has() -> None:
    shop = Shop()
    for number in range(FAILURES_MIN - 1):
        shop.buy(Verdict.FAILED, cart(f"price_{number}"))
    shop.buy(Verdict.WORKED)
    shop.buy(Verdict.FAILED, cart("price_odd"))

    assert shop.state is State.CLOSED


def test_an_answer_of_any_kind_proves_that_altan_pay_can_be_reached() -> None:
    shop = Shop("price_A")

    for _ in range(FAILURES_MIN):
        for _ in range(FAILURES_MIN - 1):
            shop.buy(Verdict.UNREACHABLE)
        shop.buy(Verdict.ANSWERED)

    assert shop.state is State.CLOSED


ODD = st.builds(
    lambda good, odd: cart(*good, f"price_odd{odd}"),
    st.lists(st.sampled_from(["price_A", "price_B"]), unique=True),
    st.integers(0, 5),
)

CLIENTS = st.integers(1, 50).map(lambda number: str(ipaddress.IPv4Address(number)))


@given(odd=st.lists(st.tuples(ODD, CLIENTS, st.floats(0, 20)), max_size=80))
def test_no_number_of_strangers_opens_it_with_carts_that_never_worked(
    odd: list[tuple[Cart, str, float]],
) -> None:
    shop = Shop("price_A", "price_B")

    for bought, client, pause_s in odd:
        shop.now_s += pause_s
        shop.buy(Verdict.FAILED, bought, client)

        assert shop.state is State.CLOSED
        assert isinstance(shop.ask(cart("price_A", "price_B")), Permit)


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(Verdict), st.sampled_from("ABC"), CLIENTS, st.floats(0, 30)),
        max_size=80,
    )
)
def test_it_always_sells_again_soon_after_altan_pay_is_back(
    steps: list[tuple[Verdict, str, str, float]],
) -> None:
    shop = Shop("price_good")
    for verdict, price, client, pause_s in steps:
        shop.now_s += pause_s
        shop.buy(verdict, cart(f"price_{price}"), client)

    shop.now_s += OPEN_S

    assert shop.buy(Verdict.WORKED, cart("price_good"))
    assert shop.state is State.CLOSED
    assert shop.buy(Verdict.WORKED, cart("price_good"))


def test_at_a_cold_start_several_households_must_meet_it() -> None:
    shop = Shop()
    for number in range(FAILURES_MIN):
        shop.buy(Verdict.FAILED, cart(f"price_{number}"), STRANGER)

    for number in range(FAILURES_MIN - HOUSEHOLD_FAILURES_MAX):
        assert shop.states == [State.CLOSED]
        shop.buy(Verdict.FAILED, cart("price_A"), f"192.0.2.{number}")

    assert shop.states == [State.CLOSED, State.OPEN]


def test_prices_that_worked_are_forgotten_oldest_first() -> None:
    known = KnownCarts()
    for number in range(KNOWN_MAX + 1):
        known.learn(cart(f"price_{number}", quantity=2), USUAL)

    assert len(known) == KNOWN_MAX
    assert not known.sort_of(cart("price_0"), USUAL).is_known
    assert known.sort_of(cart("price_1", "price_2"), USUAL).is_known
    assert known.sort_of(cart("price_1", quantity=2), USUAL).is_known
    assert not known.sort_of(cart("price_1", quantity=3), USUAL).is_known


def test_shapes_that_worked_are_forgotten_oldest_first() -> None:
    known = KnownCarts()
    for name in ("first", "second", *map(str, range(KNOWN_MAX - 2)), "first", "last"):
        known.learn(cart("price_A"), (name,))

    are_known = {
        name: known.sort_of(cart("price_A"), (name,)).is_known
        for name in ("first", "second", "0", "last")
    }

    assert are_known == {"first": True, "second": False, "0": True, "last": True}


def test_a_cold_start_with_more_households_than_needed_is_an_outage_too() -> None:
    shop = Shop()

    for number in range(HOUSEHOLDS_MIN + 1):
        shop.buy(Verdict.FAILED, cart("price_A"), f"192.0.2.{number}")

    assert shop.states == [State.CLOSED]
    for number in range(FAILURES_MIN):
        shop.buy(Verdict.FAILED, cart(f"price_{number}"), f"192.0.2.{number}")
    assert shop.state is State.OPEN


def test_while_it_is_open_it_says_how_many_seconds_are_left() -> None:
    shop = Shop("price_A", "price_B")
    shop.open_it()
    waits = []
    for passed_s in (0.0, OPEN_S - 1.5, 1.4):
        shop.now_s += passed_s
        refused = shop.ask(cart("price_A"))
        assert isinstance(refused, Refused)
        waits.append(refused.retry_after_s)

    assert waits == [OPEN_S, 2, 1]
