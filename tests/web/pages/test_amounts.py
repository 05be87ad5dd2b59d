import pytest
from babel import Locale

from app.domain.money import Money
from app.web.pages.amounts import amount_text


@pytest.mark.parametrize(
    ("amount_minor", "currency", "locale", "text"),
    [
        (1999, "eur", "en", "€19.99"),
        (1999, "eur", "de", "19,99\N{NO-BREAK SPACE}€"),
        (123456, "eur", "de", "1.234,56\N{NO-BREAK SPACE}€"),
        (123456, "eur", "de_CH", "EUR\N{NO-BREAK SPACE}1\N{RIGHT SINGLE QUOTATION MARK}234.56"),
        (1999, "mxn", "es_MX", "$19.99"),
        (2500, "jpy", "en", "¥2,500"),
        (1250, "kwd", "en", "KWD\N{NO-BREAK SPACE}1.250"),
        (500, "isk", "en", "ISK\N{NO-BREAK SPACE}5"),
        (1999, "chf", "en", "CHF\N{NO-BREAK SPACE}19.99"),
        (1000, "usd", "en", "$10.00"),
    ],
)
def test_an_amount_is_written_as_the_reader_writes_it(
    amount_minor: int, currency: str, locale: str, text: str
) -> None:
    money = Money(amount_minor=amount_minor, currency=currency)

    assert amount_text(money, Locale.parse(locale)) == text


@pytest.mark.parametrize(("amount_minor", "text"), [(1234, "12.34"), (1230, "12.30"), (1200, "12")])
def test_a_fraction_that_unicode_would_drop_is_shown(amount_minor: int, text: str) -> None:
    leks = Money(amount_minor=amount_minor, currency="all")

    assert amount_text(leks, Locale("en")) == f"ALL\N{NO-BREAK SPACE}{text}"


def test_a_currency_that_nobody_knows_is_named_by_its_code() -> None:
    money = Money(amount_minor=1999, currency="zzz")

    assert amount_text(money, Locale("en")) == "ZZZ\N{NO-BREAK SPACE}19.99"
