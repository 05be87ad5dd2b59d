"""The circuit breaker's laws, on a clock of the test's own."""

import ipaddress
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.checkout.cart import Cart, LineItem, Mode
from app.domain.limits.breaker import (
    OPEN_S,
    PROBE_WITH_ANY_AFTER_S,
    Breaker,
    Permit,
    Refused,
    State,
    Verdict,
)
from app.domain.limits.breaker_evidence import (
    FAILURES_MIN,
    HOUSEHOLDS_MIN,
    KNOWN_MAX,
    WINDOW_PAIRS,
    WINDOW_S,
    CartSort,
    KnownPrices,
)
from app.domain.limits.quarantine import (
    FAILURES_OF_ONE,
    FORGOTTEN_AFTER_S,
    HOUSEHOLDS_FAILING,
    REST_S,
    SUSPECTS_MAX,
    Quarantine,
)

STRANGER = "198.51.100.66"


def cart(*prices: str, quantity: int = 1) -> Cart:
    return Cart(tuple(LineItem(price, quantity) for price in prices), Mode.PAYMENT)


class Shop:
    """A breaker, a clock, and buyers who have not been here before."""

    def __init__(self, *worked: str) -> None:
        self.states = [State.CLOSED]
        self.breaker = Breaker(on_change=self.states.append)
        self.now_s = 0.0
        self._buyers = itertools.count(1)
        for price in worked:
            self.buy(Verdict.WORKED, cart(price))
        self.now_s += WINDOW_S + 1

    @property
    def state(self) -> State:
        return self.states[-1]

    def ask(self, bought: Cart, client: str = "") -> Permit | Refused:
        client = client or str(ipaddress.IPv4Address(next(self._buyers)))
        return self.breaker.ask(client, bought, self.now_s)

    def buy(self, verdict: Verdict, bought: Cart | None = None, client: str = "") -> bool:
        """One checkout that ends so, if it may begin."""
        permit = self.ask(bought or cart("price_A"), client)
        if isinstance(permit, Refused):
            return False
        self.breaker.tell(permit, verdict, self.now_s)
        return True

    def open_it(self) -> None:
        for _ in range(FAILURES_MIN):
            self.buy(Verdict.UNREACHABLE)
        assert self.state is State.OPEN


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


def test_one_price_that_fails_for_everybody_rests_while_another_is_sold() -> None:
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


def test_one_client_that_fails_with_good_carts_is_held_against_all_that_goes_well() -> None:
    """Should a stranger find out how to make good carts fail."""
    prices = [f"price_{number}" for number in range(2 * FAILURES_MIN)]
    shop = Shop(*prices)
    for _ in range(WINDOW_PAIRS - FAILURES_MIN):
        shop.buy(Verdict.WORKED, cart("price_0"))

    for price in prices[:FAILURES_MIN]:
        shop.buy(Verdict.FAILED, cart(price), STRANGER)

    assert shop.state is State.CLOSED


def test_one_client_alone_can_show_an_outage_with_several_good_carts() -> None:
    prices = [f"price_{number}" for number in range(FAILURES_MIN)]
    shop = Shop(*prices)

    for price in prices:
        shop.buy(Verdict.FAILED, cart(price), STRANGER)

    assert shop.state is State.OPEN


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
def test_whatever_happened_it_sells_again_soon_after_altan_pay_is_back(
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

    shop.breaker.tell(early, Verdict.FAILED, shop.now_s)
    shop.now_s += OPEN_S
    shop.buy(Verdict.NONE)
    shop.breaker.tell(early, Verdict.WORKED, shop.now_s)

    assert shop.state is State.HALF_OPEN


def test_at_a_cold_start_several_households_must_meet_it() -> None:
    shop = Shop()
    for number in range(FAILURES_MIN):
        shop.buy(Verdict.FAILED, cart(f"price_{number}"), STRANGER)

    for number in range(1, HOUSEHOLDS_MIN):
        assert shop.states == [State.CLOSED]
        shop.buy(Verdict.FAILED, cart("price_A"), f"192.0.2.{number}")

    assert shop.states == [State.CLOSED, State.OPEN]


def test_prices_that_worked_are_forgotten_oldest_first() -> None:
    known = KnownPrices()
    for number in range(KNOWN_MAX + 1):
        known.learn(cart(f"price_{number}", quantity=2))

    assert len(known) == KNOWN_MAX
    assert not known.sort_of(cart("price_0")).is_known
    assert known.sort_of(cart("price_1", "price_2")).is_known
    assert known.sort_of(cart("price_1", quantity=2)).is_known
    assert not known.sort_of(cart("price_1", quantity=3)).is_known


# Quarantine

SORT = CartSort(Mode.PAYMENT, frozenset({"price_odd"}), is_known=False)


def failing(households: int, each: int) -> Quarantine:
    quarantine = Quarantine()
    for number in range(households):
        for _ in range(each):
            quarantine.failed(SORT, f"household {number}", asked_at_s=0, now_s=0)
    return quarantine


def test_a_households_cart_rests_after_it_failed_a_few_times() -> None:
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


def test_a_cart_that_fails_for_many_households_rests_for_all() -> None:
    quarantine = failing(HOUSEHOLDS_FAILING, 1)

    assert quarantine.ask(SORT, "somebody else", 1) == REST_S - 1
    assert quarantine.ask(CartSort(Mode.PAYMENT, SORT.prices, is_known=True), "x", 1) == 0


@pytest.mark.parametrize(("households", "each"), [(1, FAILURES_OF_ONE), (HOUSEHOLDS_FAILING, 1)])
def test_after_its_rest_one_goes_to_find_out(households: int, each: int) -> None:
    quarantine = failing(households, each)

    asked = [quarantine.ask(SORT, "household 0", REST_S) for _ in range(3)]

    assert asked == [0, REST_S, REST_S]
    quarantine.failed(SORT, "household 0", asked_at_s=REST_S, now_s=REST_S + 1)
    assert quarantine.ask(SORT, "household 0", REST_S + 2) == REST_S - 1
    quarantine.worked(SORT)
    assert quarantine.ask(SORT, "household 0", REST_S + 2) == 0


def test_it_is_forgotten_after_a_while_and_there_are_not_too_many() -> None:
    quarantine = failing(HOUSEHOLDS_FAILING + 3, FAILURES_OF_ONE)
    assert quarantine.ask(SORT, "household 0", FORGOTTEN_AFTER_S + 1) == 0
    assert len(quarantine) == 0

    for number in range(SUSPECTS_MAX + 5):
        sort = CartSort(Mode.PAYMENT, frozenset({f"price_{number}"}), is_known=False)
        quarantine.failed(sort, "household", asked_at_s=0, now_s=0)

    assert len(quarantine) == SUSPECTS_MAX
