"""Amounts of money, in Stripe's minor units."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

# Stripe's docs, currencies: zero-decimal and three-decimal. ISK and UGX have no minor unit, but
# Stripe uses two digits for their amounts, so they are not listed here.
_AFRICAN: Final = frozenset(["bif", "djf", "gnf", "kmf", "mga", "rwf", "xaf", "xof"])
_WITHOUT_MINOR_UNIT: Final = _AFRICAN | {"clp", "jpy", "krw", "pyg", "vnd", "vuv", "xpf"}
_THREE_DIGITS: Final = frozenset(["bhd", "jod", "kwd", "omr", "tnd"])


# The largest integer that JSON parsers represent exactly (RFC 8259, 6), far below a database's
# 2^63. Stripe's largest amount has 12 digits; a larger sum is fake, and must not break the storage.
AMOUNT_MAX: Final = 2**53 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """An amount in the currency's minor unit; the currency is lower case, as in Stripe."""

    amount_minor: int
    currency: str

    @property
    def amount(self) -> Decimal:
        """The amount in major units: 19.99 for 1999 cents, 500 for 500 yen."""
        return Decimal(self.amount_minor).scaleb(-self._minor_digits)

    @property
    def _minor_digits(self) -> int:
        if self.currency in _WITHOUT_MINOR_UNIT:
            return 0
        return 3 if self.currency in _THREE_DIGITS else 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedSubtotal:
    """A cart's cost by the catalog, before taxes and discounts, in the currency's minor unit.

    `in_trial_minor` is what a subscription costs while its recurring prices are free: its one-time
    fees.
    """

    amount_minor: int
    currency: str
    in_trial_minor: int = 0
