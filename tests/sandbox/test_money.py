import pytest

from sandbox.money import format_money, parse_number


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


@pytest.mark.parametrize(
    ("text", "currency", "amount_minor"),
    [
        ("12", "usd", 1200),
        ("12.5", "usd", 1250),
        (" 0.05 ", "usd", 5),
        ("500", "jpy", 500),
        ("1.25", "kwd", 1250),
    ],
)
def test_a_number_is_read_in_the_currencys_smallest_unit(
    text: str, currency: str, amount_minor: int
) -> None:
    assert parse_number(text, currency) == amount_minor


@pytest.mark.parametrize(
    ("text", "currency"),
    [("", "usd"), ("-1", "usd"), ("1.005", "usd"), ("1.5", "jpy"), ("1e9", "usd"), ("1.", "usd")],
)
def test_what_is_no_amount_is_not_read(text: str, currency: str) -> None:
    with pytest.raises(ValueError, match="no such amount"):
        parse_number(text, currency)
