"""The shop's cart. It is kept in the page's URL, so it needs neither script nor cookie.

`/?mug=2&beans=1` is a cart; `add` and `remove` name the product whose button was pressed.
Invalid parts are ignored, because people type and shorten URLs.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from sandbox.shop.prices import Mode
from sandbox.shop.products import PRODUCTS, Product

QUANTITY_MAX = 99
QUANTITY = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A product and its quantity."""

    product: Product
    quantity: int

    @property
    def amount_minor(self) -> int:
        """What the line costs."""
        return self.quantity * self.product.price.unit_amount_minor


@dataclass(frozen=True, slots=True, kw_only=True)
class Cart:
    """Products that are paid once; a subscription is bought separately."""

    lines: tuple[Line, ...]

    @property
    def quantities(self) -> dict[str, int]:
        """The quantity of each product, by its slug."""
        return {line.product.slug: line.quantity for line in self.lines}

    @property
    def count(self) -> int:
        """The number of items."""
        return sum(line.quantity for line in self.lines)

    @property
    def total_minor(self) -> int:
        """The cart's total."""
        return sum(line.amount_minor for line in self.lines)

    @property
    def path(self) -> str:
        """The path of the shop's page with this cart."""
        return f"/?{urlencode(self.quantities)}" if self.lines else "/"


def read_cart(query: Mapping[str, str]) -> Cart:
    """Return the cart in a URL's query, after `add` and `remove`."""
    quantities = {
        product: _quantity(product.slug, query)
        for product in PRODUCTS
        if product.mode is Mode.PAYMENT
    }
    return Cart(
        lines=tuple(
            Line(product=product, quantity=quantity)
            for product, quantity in quantities.items()
            if quantity
        )
    )


def read_fields(prices: Sequence[str], quantities: Sequence[str]) -> dict[str, str]:
    """Convert the cart form's fields to a query: the n-th price with the n-th quantity.

    The form uses the service's field names, because the same form also buys.
    """
    slugs = {product.price.id: product.slug for product in PRODUCTS}
    pairs = zip(prices, quantities, strict=False)
    return {slugs[price]: quantity for price, quantity in pairs if price in slugs}


def _quantity(slug: str, query: Mapping[str, str]) -> int:
    if query.get("remove") == slug:
        return 0
    written = query.get(slug, "")
    quantity = int(written) if QUANTITY.fullmatch(written) else 0
    return min(quantity + (query.get("add") == slug), QUANTITY_MAX)
