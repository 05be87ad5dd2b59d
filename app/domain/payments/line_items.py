"""Compares what was bought with the cart: Stripe may sell more than was put into it."""

from collections import Counter
from collections.abc import Iterable

from app.domain.checkout.cart import LineItem


def differences(cart: Iterable[LineItem], bought: Iterable[LineItem]) -> str:
    """Return which prices were bought in another quantity than the cart has; empty if none were.

    A price may be on several lines. An upsell or a cross-sell shows as one price more, or as one
    in the place of another (Stripe: payments/checkout/upsells, cross-sells).
    """
    wanted, got = _by_price(cart), _by_price(bought)
    return ", ".join(
        f"{price}: {got[price]} instead of {wanted[price]}"
        for price in sorted(wanted.keys() | got.keys())
        if got[price] != wanted[price]
    )


def _by_price(items: Iterable[LineItem]) -> Counter[str]:
    quantities: Counter[str] = Counter()
    for item in items:
        quantities[item.price] += item.quantity
    return quantities
