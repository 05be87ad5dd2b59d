"""The catalog: the only prices that can be bought, regardless of what a browser sends."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from app.domain.checkout.cart import PRICE_ID, Cart, CheckoutRequest, LineItem, Mode
from app.domain.checkout.form_words import described
from app.domain.errors import Fault, PriceNotForSaleError
from app.domain.money import ExpectedSubtotal, Money

OTHERS: Final = "allow_other_prices"
_CURRENCY = re.compile(r"[a-z]{3}")
_FIELDS: Final = (
    "id",
    "mode",
    "recurring",
    "name",
    "max_quantity",
    "unit_amount_minor",
    "currency",
)
_AMOUNT_MAX: Final = 10**10  # times the largest quantity, it still fits into a database's integer


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogPrice:
    """One Stripe price, and how this shop sells it.

    A subscription's price recurs, unless it is a one-time fee.
    """

    id: str
    mode: Mode
    recurs: bool = False
    name: str | None = None
    max_quantity: int | None = None
    unit: Money | None = None


@dataclass(frozen=True, slots=True)
class Catalog:
    """The shop's prices by id. `allows_others`: the account's other prices can be bought, too."""

    prices: Mapping[str, CatalogPrice]
    allows_others: bool = False

    def check(self, request: CheckoutRequest) -> None:
        """Reject a cart with anything that is not for sale.

        Raises:
            PriceNotForSaleError: with a pointer to each wrong line.
        """
        faults = [
            fault
            for item, position in zip(request.cart.line_items, request.positions, strict=True)
            if (fault := self._fault(item, request.cart, f"{request.at}/line_items/{position}"))
        ]
        if faults:
            title = PriceNotForSaleError.title
            detail, named = described(title, faults, is_form=request.is_form)
            raise PriceNotForSaleError(detail, faults=named)

    def expected_subtotal(self, cart: Cart) -> ExpectedSubtotal | None:
        """Return the cart's cost before taxes and discounts; None if an amount is unknown."""
        amount_minor, in_trial_minor, currencies = 0, 0, set()
        for item in cart.line_items:
            price = self.prices.get(item.price)
            if price is None or price.unit is None:
                return None
            line_minor = price.unit.amount_minor * item.quantity
            amount_minor += line_minor
            in_trial_minor += 0 if price.recurs else line_minor
            currencies.add(price.unit.currency)
        if len(currencies) != 1:
            return None
        return ExpectedSubtotal(
            amount_minor=amount_minor, currency=currencies.pop(), in_trial_minor=in_trial_minor
        )

    def _fault(self, item: LineItem, cart: Cart, pointer: str) -> Fault | None:
        price = self.prices.get(item.price)
        if price is None:
            if self.allows_others:
                return None
            return Fault(f"{pointer}/price", "is not for sale here")
        if price.mode is not cart.mode:
            return Fault(f"{pointer}/price", f"is sold in {price.mode} mode only")
        if price.max_quantity is not None and item.quantity > price.max_quantity:
            return Fault(f"{pointer}/quantity", f"must be at most {price.max_quantity}")
        return None


def read_catalog(document: Mapping[str, object]) -> Catalog:
    """Read a parsed TOML document: a `[[price]]` table for each price, and `allow_other_prices`.

    Raises:
        ValueError: the message names the entry, the field, and what it must be.
    """
    entries, allows_others = document.get("price"), document.get(OTHERS, False)
    if document.keys() - {"price", OTHERS} or not isinstance(entries, list) or not entries:
        raise ValueError(f"must contain at least one [[price]] table, and nothing but {OTHERS}")
    if not isinstance(allows_others, bool):
        raise ValueError(f"{OTHERS} must be true or false")  # noqa: TRY004 it is the file
    prices: dict[str, CatalogPrice] = {}
    for number, entry in enumerate(entries, start=1):
        try:
            price = _read_price(entry)
        except ValueError as error:
            raise ValueError(f"[[price]] number {number}: {error}") from error
        if price.id in prices:
            raise ValueError(f"[[price]] number {number}: {price.id} is listed twice")
        prices[price.id] = price
    return Catalog(prices, allows_others)


def _read_price(entry: object) -> CatalogPrice:
    if not isinstance(entry, dict):
        raise ValueError("must be a table")  # noqa: TRY004 it is the file that is wrong
    unknown = entry.keys() - set(_FIELDS)
    if unknown:
        raise ValueError(f"{min(unknown)} is not a known field; use {', '.join(_FIELDS)}")
    price_id, mode, name = entry.get("id"), entry.get("mode", Mode.PAYMENT), entry.get("name")
    if not isinstance(price_id, str) or not PRICE_ID.fullmatch(price_id):
        raise ValueError("id must be a Stripe price id, price_…")
    if not isinstance(mode, str) or mode not in set(Mode):
        raise ValueError('mode must be "payment" or "subscription"')
    if name is not None and not isinstance(name, str):
        raise ValueError("name must be text")
    return CatalogPrice(
        id=price_id,
        mode=Mode(mode),
        recurs=_recurs(entry, Mode(mode)),
        name=name,
        max_quantity=_whole_number(entry, "max_quantity", least=1),
        unit=_unit(entry),
    )


def _recurs(entry: Mapping[str, object], mode: Mode) -> bool:
    is_subscription = mode is Mode.SUBSCRIPTION
    recurring = entry.get("recurring", is_subscription)
    if not isinstance(recurring, bool):
        raise ValueError("recurring must be true or false")  # noqa: TRY004 it is the file
    if recurring and not is_subscription:
        raise ValueError('a recurring price needs mode = "subscription"')
    return recurring


def _unit(entry: Mapping[str, object]) -> Money | None:
    amount_minor = _whole_number(entry, "unit_amount_minor", least=0)
    currency = entry.get("currency")
    if amount_minor is None and currency is None:
        return None
    if amount_minor is None or not isinstance(currency, str) or not _CURRENCY.fullmatch(currency):
        raise ValueError('set both unit_amount_minor and currency (like "usd"), or neither')
    return Money(amount_minor=amount_minor, currency=currency)


def _whole_number(entry: Mapping[str, object], name: str, *, least: int) -> int | None:
    value = entry.get(name)
    if value is None:
        return None
    if type(value) is not int or not least <= value < _AMOUNT_MAX:
        raise ValueError(f"{name} must be a whole number of at least {least}")
    return value
