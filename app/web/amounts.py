"""Amounts for people, as their language and country write them."""

from decimal import Decimal

from babel import Locale
from babel.numbers import format_currency, get_currency_precision

from app.domain.money import Money


def amount_text(money: Money, locale: Locale) -> str:
    """For example `$19.99`, `19,99 €` or `¥500`; never rounded."""
    amount, currency = money.amount, money.currency.upper()
    # Unicode gives some currencies no digits that Stripe does: their fraction must not get lost.
    usual = Decimal(1).scaleb(-get_currency_precision(currency))
    return format_currency(
        amount, currency, locale=locale, currency_digits=amount == amount.quantize(usual)
    )
