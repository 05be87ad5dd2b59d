"""When failures are an outage: each limit exactly, and one beside it."""

import pytest

from app.domain.checkout.cart import Mode
from app.domain.limits.breaker_evidence import (
    FAILURES_MIN,
    HOUSEHOLD_FAILURES_MAX,
    HOUSEHOLDS_MIN,
    SHOPS_SERVER,
    WINDOW_PAIRS,
    WINDOW_S,
    CartSort,
    Evidence,
    KnownCarts,
)
from tests.support.breaker_carts import ODD, USUAL, cart


class Seen:
    """Evidence of different carts, at a time that a test moves."""

    def __init__(self) -> None:
        self.evidence = Evidence()
        self.now_s = 1000.0
        self._carts = 0

    def carts(self, count: int, *, worked: bool, households: int = HOUSEHOLDS_MIN) -> None:
        """Carts with a different price each, from so many households in turn."""
        for number in range(count):
            self._carts += 1
            self.cart(f"price_{self._carts}", f"household {number % households}", worked=worked)

    def cart(self, price: str, household: str, *, worked: bool) -> None:
        sort = CartSort(Mode.PAYMENT, frozenset({price}), is_known=True)
        self.evidence.add(household, sort, self.now_s, worked=worked)

    def servers_carts(self, count: int, *, worked: bool) -> None:
        """Carts with a different price each, from the shop's own server."""
        for _ in range(count):
            self._carts += 1
            self.cart(f"price_{self._carts}", SHOPS_SERVER, worked=worked)

    def unreachable(self, count: int) -> None:
        for _ in range(count):
            self.evidence.add_unreachable(self.now_s)

    def is_outage(self) -> bool:
        return self.evidence.shows_an_outage(self.now_s)


@pytest.mark.parametrize(
    ("failures", "is_outage"), [(FAILURES_MIN - 1, False), (FAILURES_MIN, True)]
)
def test_fewer_failures_may_be_coincidence(failures: int, *, is_outage: bool) -> None:
    carts, connections = Seen(), Seen()
    carts.carts(failures, worked=False)
    connections.unreachable(failures)

    assert (carts.is_outage(), connections.is_outage()) == (is_outage, is_outage)


def test_failed_carts_and_missing_connections_are_counted_separately() -> None:
    seen = Seen()
    seen.carts(FAILURES_MIN - 1, worked=False)
    seen.unreachable(FAILURES_MIN - 1)

    assert not seen.is_outage()


@pytest.mark.parametrize(("passed_s", "counts"), [(WINDOW_S, True), (WINDOW_S + 0.5, False)])
def test_an_outcome_counts_for_five_minutes(passed_s: float, *, counts: bool) -> None:
    failed, connections, worked = Seen(), Seen(), Seen()
    failed.carts(FAILURES_MIN, worked=False)
    connections.unreachable(FAILURES_MIN)
    worked.carts(FAILURES_MIN + 1, worked=True)
    for seen in (failed, connections, worked):
        seen.now_s += passed_s
    worked.servers_carts(FAILURES_MIN, worked=False)

    assert (failed.is_outage(), connections.is_outage()) == (counts, counts)
    assert worked.is_outage() is not counts


@pytest.mark.parametrize(
    ("households", "is_outage"), [(1, False), (HOUSEHOLDS_MIN - 1, False), (HOUSEHOLDS_MIN, True)]
)
def test_several_households_must_fail(households: int, *, is_outage: bool) -> None:
    seen = Seen()
    seen.carts(WINDOW_PAIRS, worked=False, households=households)

    assert seen.is_outage() is is_outage


@pytest.mark.parametrize(
    ("others", "is_outage"),
    [
        (FAILURES_MIN - HOUSEHOLD_FAILURES_MAX - 1, False),
        (FAILURES_MIN - HOUSEHOLD_FAILURES_MAX, True),
    ],
)
def test_a_households_third_failure_counts_no_more(others: int, *, is_outage: bool) -> None:
    seen = Seen()
    seen.carts(FAILURES_MIN, worked=False, households=1)
    for number in range(others):
        seen.cart("price_A", f"another household {number}", worked=False)

    assert seen.is_outage() is is_outage


@pytest.mark.parametrize(("worked", "is_outage"), [(FAILURES_MIN, True), (FAILURES_MIN + 1, False)])
def test_failures_that_do_not_count_do_not_outweigh_what_works_either(
    worked: int, *, is_outage: bool
) -> None:
    seen = Seen()
    seen.carts(FAILURES_MIN, worked=False, households=1)
    for number in range(FAILURES_MIN - HOUSEHOLD_FAILURES_MAX):
        seen.cart("price_A", f"another household {number}", worked=False)
    seen.carts(worked, worked=True)

    assert seen.is_outage() is is_outage


@pytest.mark.parametrize(
    ("failures", "is_outage"), [(FAILURES_MIN - 1, False), (FAILURES_MIN, True)]
)
def test_the_shops_own_server_is_enough(failures: int, *, is_outage: bool) -> None:
    seen = Seen()
    seen.servers_carts(failures, worked=False)

    assert seen.is_outage() is is_outage


@pytest.mark.parametrize(
    ("worked", "is_outage"),
    [(FAILURES_MIN - 1, True), (FAILURES_MIN, True), (FAILURES_MIN + 1, False)],
)
def test_failures_of_the_shops_server_must_be_as_many_as_all_that_worked(
    worked: int, *, is_outage: bool
) -> None:
    seen = Seen()
    seen.carts(worked, worked=True)
    seen.servers_carts(FAILURES_MIN, worked=False)

    assert seen.is_outage() is is_outage


@pytest.mark.parametrize(
    ("worked_since", "is_outage"),
    [(0, True), (FAILURES_MIN, True), (FAILURES_MIN + 1, False)],
)
def test_against_failures_of_many_households_counts_only_what_worked_since(
    worked_since: int, *, is_outage: bool
) -> None:
    seen = Seen()
    seen.carts(FAILURES_MIN + 3, worked=True)
    seen.carts(FAILURES_MIN, worked=False)
    seen.carts(worked_since, worked=True)

    assert seen.is_outage() is is_outage


@pytest.mark.parametrize(
    ("prices", "worked_since", "is_outage"),
    [(1, 0, True), (1, 1, False), (2, 1, True)],
)
def test_one_price_that_fails_for_all_is_an_outage_only_if_nothing_else_works(
    prices: int, worked_since: int, *, is_outage: bool
) -> None:
    seen = Seen()
    for number in range(FAILURES_MIN):
        seen.cart(f"price_bad_{number % prices}", f"household {number}", worked=False)
    seen.carts(worked_since, worked=True)

    assert seen.is_outage() is is_outage


def test_the_latest_outcomes_are_kept_and_the_one_before_is_forgotten() -> None:
    seen = Seen()
    half = WINDOW_PAIRS // 2
    seen.carts(half, worked=False, households=half)
    seen.carts(half, worked=True)
    assert seen.is_outage()

    seen.carts(1, worked=True)
    assert not seen.is_outage()


def test_the_same_cart_of_a_household_counts_once_with_its_latest_outcome() -> None:
    seen = Seen()
    for number in range(FAILURES_MIN):
        seen.cart("price_A", SHOPS_SERVER, worked=False)
        seen.cart("price_A", f"household {number % 2}", worked=False)
    assert not seen.is_outage()

    for number in range(FAILURES_MIN):
        seen.cart(f"price_{number}", SHOPS_SERVER, worked=False)
        seen.cart(f"price_{number}", SHOPS_SERVER, worked=True)
    assert not seen.is_outage()


def test_a_cart_that_comes_again_is_the_latest() -> None:
    """It is forgotten last, and it counts as having worked after the others had failed."""
    seen = Seen()
    seen.cart("price_A", "household", worked=True)
    for number in range(FAILURES_MIN):
        seen.cart("price_B", f"household {number}", worked=False)
    assert seen.is_outage()

    seen.cart("price_A", "household", worked=True)
    assert not seen.is_outage()


@pytest.mark.parametrize(
    ("between", "is_outage"), [("failed", True), ("worked", False), ("answered", False)]
)
def test_only_an_answer_proves_that_there_is_a_connection(between: str, *, is_outage: bool) -> None:
    seen = Seen()
    seen.unreachable(FAILURES_MIN - 1)
    if between == "answered":
        seen.evidence.reached()
    else:
        seen.cart("price_A", "household", worked=between == "worked")
    seen.unreachable(1)

    assert seen.is_outage() is is_outage


def test_nothing_is_left_of_what_was_cleared() -> None:
    carts, connections = Seen(), Seen()
    carts.carts(FAILURES_MIN, worked=False)
    connections.unreachable(FAILURES_MIN)
    for seen in (carts, connections):
        seen.evidence.clear()
        assert not seen.is_outage()


def test_a_price_is_known_up_to_the_largest_quantity_that_worked() -> None:
    known = KnownCarts()
    assert not known.sort_of(cart("price_A"), USUAL).is_known
    for quantity in (1, 3, 2):
        known.learn(cart("price_A", quantity=quantity), USUAL)

    are_known = [known.sort_of(cart("price_A", quantity=n), USUAL).is_known for n in (1, 3, 4)]

    assert are_known == [True, True, False]
    assert not known.sort_of(cart("price_A", "price_B"), USUAL).is_known


def test_a_shape_is_known_once_it_has_worked_with_any_price() -> None:
    known = KnownCarts()
    known.learn(cart("price_A"), USUAL)
    assert not known.sort_of(cart("price_A"), ODD).is_known

    known.learn(cart("price_B"), ODD)

    assert known.sort_of(cart("price_A"), ODD).is_known


def test_a_cart_without_a_shape_is_never_known() -> None:
    known = KnownCarts()
    known.learn(cart("price_A"), None)

    assert not known.sort_of(cart("price_A"), None).is_known
    assert len(known) == 1
