"""Compares a price of the catalog with the price at Stripe."""

from collections.abc import Iterator, Mapping

from app.domain.checkout.cart import Mode
from app.domain.checkout.catalog import CatalogPrice


def price_faults(price: CatalogPrice, stripe: Mapping[str, object]) -> list[str]:
    """Return what is wrong with a price of the catalog (Stripe: api/prices/object)."""
    return list(_faults(price, stripe))


def _faults(price: CatalogPrice, stripe: Mapping[str, object]) -> Iterator[str]:
    if stripe.get("active") is not True:
        yield "is not active"
    # One-time prices may also be sold with a subscription (Stripe: checkout/sessions/create, mode).
    if stripe.get("type") == "recurring" and not price.recurs:
        is_payment = price.mode is Mode.PAYMENT
        wanted = 'its mode must be "subscription"' if is_payment else "recurring must not be false"
        yield f"is recurring, so {wanted}"
    if stripe.get("type") == "one_time" and price.recurs:
        yield "is a one-time price, so it needs recurring = false"
    if price.unit is None:
        return
    amount_minor, currency = stripe.get("unit_amount"), stripe.get("currency")
    if (amount_minor, currency) != (price.unit.amount_minor, price.unit.currency):
        wanted = f"{price.unit.amount_minor} {price.unit.currency}"
        at_stripe = "no single amount" if amount_minor is None else f"{amount_minor} {currency}"
        yield f"is {at_stripe} at Stripe, and {wanted} in the catalog"
