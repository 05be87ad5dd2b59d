"""One client cannot open the circuit breaker with good prices, nor keep it open."""

import itertools

import pytest

from app.domain.limits.breaker import (
    OPEN_S,
    PROBE_AGAIN_AFTER_S,
    PROBE_WITH_ANY_AFTER_S,
    Permit,
    Refused,
    State,
    Verdict,
)
from app.domain.limits.breaker_evidence import (
    FAILURES_MIN,
    WINDOW_PAIRS,
)
from app.domain.limits.cart_shapes import Shape, shape_of
from tests.support.breaker_carts import ODD, USUAL, Shop, cart

STRANGER = "198.51.100.66"
PRICES = [f"price_{number}" for number in range(5)]
OWN_PAGES = shape_of("https://shop.example/thanks?order=1", "https://shop.example/cart", {})


@pytest.mark.parametrize("clients", [1, 50])
def test_good_prices_with_an_odd_return_url_do_not_open_it(clients: int) -> None:
    shop = Shop(*PRICES)

    for number, price in itertools.product(range(clients), PRICES):
        shop.buy(Verdict.FAILED, cart(price), f"198.51.100.{number}", shape=ODD)

    assert shop.state is State.CLOSED
    for price in PRICES:
        assert shop.buy(Verdict.WORKED, cart(price))


def test_one_client_whose_usual_carts_fail_does_not_open_it() -> None:
    """Should a stranger find out how to make them fail."""
    shop = Shop(*PRICES)

    for price in PRICES:
        shop.buy(Verdict.FAILED, cart(price), STRANGER)

    assert shop.state is State.CLOSED


def test_the_shops_own_server_alone_opens_it() -> None:
    shop = Shop(*PRICES)

    for price in PRICES:
        shop.buy(Verdict.FAILED, cart(price), is_servers=True)

    assert shop.state is State.OPEN


@pytest.mark.parametrize("usual", [USUAL, OWN_PAGES])
def test_a_page_opens_it_in_an_outage_with_its_own_return_urls_as_without(
    usual: Shape | None,
) -> None:
    shop = Shop()
    for _ in range(WINDOW_PAIRS):
        shop.buy(Verdict.WORKED, shape=usual)

    for _ in range(FAILURES_MIN):
        shop.buy(Verdict.FAILED, shape=usual)

    assert shop.state is State.OPEN


@pytest.mark.parametrize("shape", [USUAL, OWN_PAGES, None])
def test_before_anything_has_worked_any_shape_counts(shape: Shape | None) -> None:
    shop = Shop()

    for _ in range(FAILURES_MIN):
        shop.buy(Verdict.FAILED, shape=shape)

    assert shop.state is State.OPEN


def test_an_odd_return_url_is_no_probe() -> None:
    shop = Shop("price_A")
    shop.open_it()
    shop.now_s += OPEN_S

    assert isinstance(shop.ask(cart("price_A"), STRANGER, shape=ODD), Refused)
    assert isinstance(shop.ask(cart("price_A")), Permit)


@pytest.mark.parametrize(
    ("waited_s", "may"),
    [(PROBE_AGAIN_AFTER_S - 0.5, False), (PROBE_AGAIN_AFTER_S, True)],
)
def test_who_failed_as_the_probe_lets_others_go_first(waited_s: float, *, may: bool) -> None:
    shop = Shop("price_A")
    shop.open_it()
    shop.now_s += OPEN_S
    assert shop.buy(Verdict.FAILED, client=STRANGER)

    shop.now_s += OPEN_S + waited_s

    assert isinstance(shop.ask(cart("price_A"), STRANGER), Permit) is may
    if not may:
        assert isinstance(shop.ask(cart("price_A")), Permit)


@pytest.mark.parametrize(
    ("verdict", "is_servers"), [(Verdict.UNREACHABLE, False), (Verdict.FAILED, True)]
)
def test_who_cannot_be_at_fault_may_probe_again_at_once(
    verdict: Verdict, *, is_servers: bool
) -> None:
    shop = Shop("price_A")
    shop.open_it()
    for outcome in (verdict, Verdict.WORKED):
        shop.now_s += OPEN_S
        assert shop.buy(outcome, client=STRANGER, is_servers=is_servers)

    assert shop.state is State.CLOSED


def test_a_failed_probe_is_forgotten_when_the_breaker_closes() -> None:
    shop = Shop("price_A")
    shop.open_it()
    for verdict, client in ((Verdict.FAILED, STRANGER), (Verdict.WORKED, "")):
        shop.now_s += OPEN_S
        assert shop.buy(verdict, client=client)
    shop.open_it()
    shop.now_s += OPEN_S

    assert isinstance(shop.ask(cart("price_A"), STRANGER), Permit)


def test_if_no_other_cart_comes_any_cart_of_anybody_may_probe() -> None:
    shop = Shop("price_A")
    shop.open_it()
    shop.now_s += OPEN_S
    assert shop.buy(Verdict.FAILED, client=STRANGER)

    shop.now_s += OPEN_S + PROBE_WITH_ANY_AFTER_S

    assert isinstance(shop.ask(cart("price_A"), STRANGER, shape=ODD), Permit)


@pytest.mark.parametrize("shape", [USUAL, ODD])
def test_ten_minutes_of_one_stranger_cost_the_shop_no_buyer(shape: Shape | None) -> None:
    """Twenty honest carts a minute, and one address that sends all it may."""
    shop = Shop(*PRICES)
    sets = [chosen for size in (1, 2, 3) for chosen in itertools.combinations(PRICES, size)]
    refused = 0

    for half_second in range(1200):
        shop.now_s += 0.5
        if half_second % 4 == 0:  # 30 a minute
            chosen = sets[half_second // 4 % len(sets)]
            shop.buy(Verdict.FAILED, cart(*chosen), STRANGER, shape=shape)
        if half_second % 6 == 0:
            price = PRICES[half_second // 6 % len(PRICES)]
            refused += not shop.buy(Verdict.WORKED, cart(price))

    assert refused == 0
    assert shop.states == [State.CLOSED]
