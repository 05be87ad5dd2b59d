"""Carts that keep failing are blocked for a while."""

import pytest

from app.domain.checkout.cart import Mode
from app.domain.limits.breaker_evidence import (
    CartSort,
)
from app.domain.limits.quarantine import (
    FAILURES_OF_ONE,
    FORGOTTEN_AFTER_S,
    HOUSEHOLDS_FAILING,
    REST_S,
    SUSPECTS_MAX,
    Quarantine,
)

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
