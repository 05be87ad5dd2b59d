"""A price of the catalog is compared with the one at Stripe."""

from dataclasses import replace

import pytest

from app.domain.checkout.cart import Mode
from app.domain.checkout.catalog import CatalogPrice
from app.domain.checkout.stripe_prices import price_faults
from app.domain.money import Money

UNIT = Money(amount_minor=1200, currency="eur")
SOLD_ONCE = CatalogPrice(id="price_A", mode=Mode.PAYMENT, unit=UNIT)
CLUB = replace(SOLD_ONCE, mode=Mode.SUBSCRIPTION, recurs=True)
UNKNOWN_TYPES = ["a", "q", "z", ""]
ONE_TIME = {"active": True, "type": "one_time", "unit_amount": 1200, "currency": "eur"}


@pytest.mark.parametrize(
    ("price", "changes"),
    [
        (SOLD_ONCE, {}),
        (CLUB, {"type": "recurring"}),
        (replace(CLUB, recurs=False), {}),
        (replace(SOLD_ONCE, unit=None), {"unit_amount": 7, "currency": "usd"}),
        *((price, {"type": type_}) for price in (SOLD_ONCE, CLUB) for type_ in UNKNOWN_TYPES),
    ],
)
def test_a_price_that_fits_has_no_fault(price: CatalogPrice, changes: dict[str, object]) -> None:
    assert price_faults(price, ONE_TIME | changes) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"active": False}, "is not active"),
        ({"active": None}, "is not active"),
        ({"type": "recurring"}, 'is recurring, so its mode must be "subscription"'),
        ({"unit_amount": 1300}, "is 1300 eur at Stripe, and 1200 eur in the catalog"),
        ({"currency": "usd"}, "is 1200 usd at Stripe, and 1200 eur in the catalog"),
        (
            {"unit_amount": None},
            "is no single amount at Stripe, and 1200 eur in the catalog",
        ),
    ],
)
def test_each_difference_is_told(changes: dict[str, object], words: str) -> None:
    assert price_faults(SOLD_ONCE, ONE_TIME | changes) == [words]


def test_whether_a_subscriptions_price_recurs_is_compared() -> None:
    assert price_faults(CLUB, ONE_TIME) == ["is a one-time price, so it needs recurring = false"]
    assert price_faults(replace(CLUB, recurs=False), ONE_TIME | {"type": "recurring"}) == [
        "is recurring, so recurring must not be false"
    ]
