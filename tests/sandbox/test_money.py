import pytest

from app.sandbox.money import format_money


@pytest.mark.parametrize(
    ("amount_minor", "currency", "text"),
    [
        (0, "usd", "$0.00"),
        (5, "usd", "$0.05"),
        (123450, "usd", "$1,234.50"),
        (-250, "eur", "-€2.50"),
        (500, "jpy", "¥500"),
        (1250, "kwd", "1.250 KWD"),
        (1000, "chf", "10.00 CHF"),
        (-1000, "chf", "-10.00 CHF"),
        (1234567, "krw", "1,234,567 KRW"),
    ],
)
def test_an_amount_is_written_with_its_currencys_digits(
    amount_minor: int, currency: str, text: str
) -> None:
    assert format_money(amount_minor, currency) == text
