"""Formats amounts for people, by language and country."""

import re
from decimal import Decimal
from typing import Final

from babel import Locale
from babel.numbers import format_currency, get_currency_precision

from app.domain.money import Money

_LETTER_BESIDE_DIGIT: Final = re.compile(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])")


def amount_text(money: Money, locale: Locale) -> str:
    """Format an amount, for example `$19.99`, `19,99 €` or `¥500`; never rounded."""
    amount, currency = money.amount, money.currency.upper()
    # Stripe uses decimals for some currencies that have none in Unicode; they must not be lost.
    usual = Decimal(1).scaleb(-get_currency_precision(currency))
    text = format_currency(
        amount, currency, locale=locale, currency_digits=amount == amount.quantize(usual)
    )
    # Unicode's spacing rules, which Babel does not apply: CHF 5, not CHF5.
    return _LETTER_BESIDE_DIGIT.sub("\N{NO-BREAK SPACE}", text)
