"""Converts amounts between how people write them and Stripe's minor units."""

import re

# Stripe's docs: currencies#zero-decimal and #three-decimal. UGX is left out because Stripe
# takes its amounts with two digits, although the currency has none.
ZERO_DECIMAL_AFRICA = frozenset(("bif", "djf", "gnf", "kmf", "mga", "rwf", "xaf", "xof"))
ZERO_DECIMAL = ZERO_DECIMAL_AFRICA | {"clp", "jpy", "krw", "pyg", "vnd", "vuv", "xpf"}
THREE_DECIMAL = frozenset(("bhd", "jod", "kwd", "omr", "tnd"))
SIGNS = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}


def format_money(amount_minor: int, currency: str) -> str:
    """Return for example `$1,234.50`, `¥500` or `1.250 KWD`."""
    number = format_number(abs(amount_minor), currency, thousands=",")
    minus = "-" if amount_minor < 0 else ""
    sign = SIGNS.get(currency)
    return f"{minus}{sign}{number}" if sign else f"{minus}{number} {currency.upper()}"


def format_number(amount_minor: int, currency: str, *, thousands: str = "") -> str:
    """Return for example `1234.50`, the format of a number field."""
    digits = _digits(currency)
    whole, rest = divmod(amount_minor, 10**digits)
    return f"{whole:,}".replace(",", thousands) + (f".{rest:0{digits}d}" if digits else "")


def parse_number(text: str, currency: str) -> int:
    """Return a field's amount in minor units: `12.5` is 1250 cents.

    Raises:
        ValueError: It is not a number, or has more decimals than the currency.
    """
    digits = _digits(currency)
    match = re.fullmatch(r"([0-9]{1,12})(?:\.([0-9]+))?", text.strip())
    if match is None or len(match[2] or "") > digits:
        raise ValueError("no such amount")
    return int(match[1] + (match[2] or "").ljust(digits, "0"))


def _digits(currency: str) -> int:
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2
