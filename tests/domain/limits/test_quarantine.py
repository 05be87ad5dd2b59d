"""Carts that keep failing are blocked for a while."""

import pytest

from app.domain.checkout.cart import Mode
from app.domain.limits.breaker import Refused, Verdict
from app.domain.limits.breaker_evidence import CartSort
from app.domain.limits.quarantine import (
    FAILURES_OF_ONE,
    FORGOTTEN_AFTER_S,
    HOUSEHOLDS_FAILING,
    REST_S,
    SUSPECTS_MAX,
    Quarantine,
)
from tests.support.breaker_carts import Shop, cart

SORT = CartSort(Mode.PAYMENT, frozenset({"price_odd"}), is_known=False)


def failing(households: int, each: int) -> Quarantine:
    quarantine = Quarantine()
    for number in range(households):
        for _ in range(each):
            quarantine.failed(SORT, f"household {number}", asked_at_s=0, now_s=0)
    return quarantine


def test_a_households_cart_is_blocked_after_a_few_failures() -> None:
    assert failing(1, FAILURES_OF_ONE - 1).ask(SORT, "household 0", 1) == 0

    quarantine = failing(1, FAILURES_OF_ONE)

    assert quarantine.ask(SORT, "household 0", 1) == REST_S - 1
    assert quarantine.ask(SORT, "household 1", 1) == 0


def test_failures_that_were_under_way_at_once_count_as_one() -> None:
    """A network that shares one address, in a moment in which Altan Pay was slow."""
    quarantine = Quarantine()
    for number in range(2 * FAILURES_OF_ONE):
        quarantine.failed(SORT, "household", asked_at_s=0, now_s=1 + number)

    assert quarantine.ask(SORT, "household", 20) == 0


def test_a_cart_that_fails_for_many_households_is_blocked_for_everybody() -> None:
    quarantine = failing(HOUSEHOLDS_FAILING, 1)

    assert quarantine.ask(SORT, "somebody else", 1) == REST_S - 1
    assert quarantine.ask(CartSort(Mode.PAYMENT, SORT.prices, is_known=True), "x", 1) == 0


@pytest.mark.parametrize(("households", "each"), [(1, FAILURES_OF_ONE), (HOUSEHOLDS_FAILING, 1)])
def test_after_the_block_one_call_tests_the_cart(households: int, each: int) -> None:
    quarantine = failing(households, each)

    asked = [quarantine.ask(SORT, "household 0", REST_S) for _ in range(3)]

    assert asked == [0, REST_S, REST_S]
    quarantine.failed(SORT, "household 0", asked_at_s=REST_S, now_s=REST_S + 1)
    assert quarantine.ask(SORT, "household 0", REST_S + 2) == REST_S - 1
    quarantine.worked(SORT)
    assert quarantine.ask(SORT, "household 0", REST_S + 2) == 0


def test_it_is_remembered_for_five_minutes() -> None:
    quarantine = failing(1, 1)

    assert [quarantine.ask(SORT, "household 0", 300), len(quarantine)] == [0, 1]
    assert [quarantine.ask(SORT, "household 0", 300.5), len(quarantine)] == [0, 0]


def test_a_household_that_is_not_blocked_is_not_blocked_for_a_moment_either() -> None:
    assert failing(1, 1).ask(SORT, "household 0", 0.5) == 0


def test_it_is_forgotten_after_a_while_and_there_are_not_too_many() -> None:
    quarantine = failing(HOUSEHOLDS_FAILING + 3, FAILURES_OF_ONE)
    assert quarantine.ask(SORT, "household 0", FORGOTTEN_AFTER_S + 1) == 0
    assert len(quarantine) == 0

    for number in range(SUSPECTS_MAX + 5):
        sort = CartSort(Mode.PAYMENT, frozenset({f"price_{number}"}), is_known=False)
        quarantine.failed(sort, "household", asked_at_s=0, now_s=0)

    assert len(quarantine) == SUSPECTS_MAX


def test_everybody_is_blocked_again_if_the_cart_fails_for_one_more_household() -> None:
    quarantine = failing(HOUSEHOLDS_FAILING, 1)

    quarantine.failed(SORT, "one more", asked_at_s=REST_S, now_s=REST_S + 1)

    assert quarantine.ask(SORT, "somebody else", REST_S + 2) == REST_S - 1


def test_a_failure_counts_if_its_call_began_when_the_last_one_was_counted() -> None:
    quarantine = Quarantine()
    for number in range(FAILURES_OF_ONE):
        quarantine.failed(SORT, "household", asked_at_s=number, now_s=number + 1)

    assert quarantine.ask(SORT, "household", FAILURES_OF_ONE) == REST_S


@pytest.mark.parametrize(("asked_at_s", "seconds"), [(0.0, 10), (8.5, 2), (9.9, 1)])
def test_a_buyer_is_told_in_whole_seconds_how_long_the_cart_is_blocked(
    asked_at_s: float, seconds: int
) -> None:
    shop = Shop("price_A")
    for _ in range(FAILURES_OF_ONE):
        shop.buy(Verdict.FAILED, cart("price_odd"), "192.0.2.1")

    shop.now_s += asked_at_s

    refused = shop.ask(cart("price_odd"), "192.0.2.1")
    assert refused == Refused("this cart kept failing and is blocked", seconds)


def test_the_cart_whose_failure_is_the_oldest_is_forgotten_first() -> None:
    quarantine = failing(1, FAILURES_OF_ONE)
    others = [
        CartSort(Mode.PAYMENT, frozenset({f"price_{number}"}), is_known=False)
        for number in range(SUSPECTS_MAX)
    ]
    for other in others[1:]:
        quarantine.failed(other, "household 0", asked_at_s=0, now_s=0)
    quarantine.failed(SORT, "household 0", asked_at_s=0, now_s=0)
    assert len(quarantine) == SUSPECTS_MAX

    for _ in range(FAILURES_OF_ONE):
        quarantine.failed(others[0], "household 0", asked_at_s=0, now_s=0)

    assert len(quarantine) == SUSPECTS_MAX
    assert quarantine.ask(others[0], "household 0", 1) == REST_S - 1
    assert quarantine.ask(SORT, "household 0", 1) == REST_S - 1


def test_a_block_for_everybody_is_not_prolonged_by_calls_that_were_under_way() -> None:
    quarantine = failing(HOUSEHOLDS_FAILING, 1)

    for failed_at_s in (REST_S + 2, REST_S + 4):
        quarantine.failed(SORT, "household 0", asked_at_s=REST_S + 1, now_s=failed_at_s)

    assert quarantine.ask(SORT, "somebody else", REST_S + 5) == REST_S - 3
