"""Amounts for people: minor units and an ISO 4217 code in, text out."""

# Stripe's docs: currencies#zero-decimal and #three-decimal. UGX is left out because Stripe
# takes its amounts with two digits, although the currency has none.
ZERO_DECIMAL_AFRICA = frozenset(("bif", "djf", "gnf", "kmf", "mga", "rwf", "xaf", "xof"))
ZERO_DECIMAL = ZERO_DECIMAL_AFRICA | {"clp", "jpy", "krw", "pyg", "vnd", "vuv", "xpf"}
THREE_DECIMAL = frozenset(("bhd", "jod", "kwd", "omr", "tnd"))
SIGNS = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}


def format_money(amount_minor: int, currency: str) -> str:
    """Return for example `$1,234.50`, `¥500` or `1.250 KWD`."""
    digits = _digits(currency)
    whole, rest = divmod(abs(amount_minor), 10**digits)
    number = f"{whole:,}" + (f".{rest:0{digits}d}" if digits else "")
    minus = "-" if amount_minor < 0 else ""
    sign = SIGNS.get(currency)
    return f"{minus}{sign}{number}" if sign else f"{minus}{number} {currency.upper()}"


def _digits(currency: str) -> int:
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2
