"""A price of the catalog is compared with the one at Stripe."""

import pytest

from app.domain.checkout.cart import Mode
from app.domain.checkout.catalog import CatalogPrice
from app.domain.checkout.stripe_prices import price_faults
from app.domain.money import Money

UNIT = Money(amount_minor=1200, currency="eur")
ONE_TIME = {"active": True, "type": "one_time", "unit_amount": 1200, "currency": "eur"}


@pytest.mark.parametrize(
    ("mode", "unit", "changes"),
    [
        (Mode.PAYMENT, UNIT, {}),
        (Mode.SUBSCRIPTION, UNIT, {"type": "recurring"}),
        (Mode.SUBSCRIPTION, UNIT, {}),
        (Mode.PAYMENT, None, {"unit_amount": 7, "currency": "usd"}),
    ],
)
def test_a_price_that_fits_has_no_fault(
    mode: Mode, unit: Money | None, changes: dict[str, object]
) -> None:
    assert price_faults(CatalogPrice(id="price_A", mode=mode, unit=unit), ONE_TIME | changes) == []


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
    price = CatalogPrice(id="price_A", mode=Mode.PAYMENT, unit=UNIT)

    assert price_faults(price, ONE_TIME | changes) == [words]
