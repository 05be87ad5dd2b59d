from decimal import Decimal

import pytest

from app.domain.money import Money


@pytest.mark.parametrize(
    ("amount_minor", "currency", "amount"),
    [
        (1999, "eur", "19.99"),
        (2500, "jpy", "2500"),
        (2500, "xof", "2500"),
        (1250, "kwd", "1.25"),
        (500, "ugx", "5"),
        (500, "isk", "5"),
        (0, "usd", "0"),
        (10**18 + 1, "usd", "10000000000000000.01"),
    ],
)
def test_an_amount_has_as_many_digits_as_stripe_gives_its_currency(
    amount_minor: int, currency: str, amount: str
) -> None:
    assert Money(amount_minor=amount_minor, currency=currency).amount == Decimal(amount)
